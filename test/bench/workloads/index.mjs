import { bulkIn, bulkOut } from './bulk.mjs';
import { churn } from './churn.mjs';
import { echo, handler, large, pipelined } from './echo.mjs';
import { hang } from './hang.mjs';
import { http } from './http.mjs';
import { idlePool } from './idle-pool.mjs';
import { births, idle } from './memory.mjs';
import { mixed } from './mixed.mjs';
import { size } from './size.mjs';
import { start } from './start.mjs';
import { stream } from './stream.mjs';

/** In the order in which they run. @type {readonly import('./load.mjs').Workload[]} */
export const workloads = [
  echo,
  pipelined,
  large,
  bulkIn,
  bulkOut,
  churn,
  handler,
  http,
  mixed,
  idle,
  births,
  start,
  hang,
  idlePool,
  stream,
  size,
];
