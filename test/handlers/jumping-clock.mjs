// Loaded before a program, in all its threads: the wall clock jumps by an hour and back, ever again.
import { isMainThread } from 'node:worker_threads';

const HOUR = 3_600_000;
const Real = Date;
let ahead = 0;

globalThis.Date = class extends Real {
  constructor(...given) {
    if (given.length === 0) super(Real.now() + ahead);
    else super(...given);
  }

  static now() {
    return Real.now() + ahead;
  }
};

setInterval(() => {
  ahead = ahead > 0 ? -HOUR : HOUR;
  if (isMainThread) console.log('the clock has jumped to', new Date().toISOString());
}, 60).unref();
