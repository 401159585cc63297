import { loadWorkload } from './load.mjs';

const size = 1_048_576;

/** Streams are no requests: there is no pool call to make for them. */
const streams = (/** @type {import('../peers/index.mjs').Peer} */ { name }) => name !== 'piscina';

const one = { connections: 1, depth: 4, size };

export const bulkIn = loadWorkload(
  { name: 'bulk-in', title: 'Bulk to the server, one connection', unit: 'MiB/s', per: 'MiB', runs: streams },
  { kind: 'dialogue', script: 'upload', ...one },
);

export const bulkOut = loadWorkload(
  {
    name: 'bulk-out',
    title: 'Bulk from the server, one connection',
    unit: 'MiB/s',
    per: 'MiB',
    runs: streams,
  },
  { kind: 'dialogue', script: 'download', ...one },
);
