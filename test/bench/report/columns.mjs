/**
 * @typedef {object} Column
 * @property {string} title `{unit}` and `{per}` stand for those of the workload
 * @property {number} digits after the point
 * @property {boolean} [ratio] whether the ratio to cluster is shown beside it
 */

/** The figures, by their keys. @type {Readonly<Record<string, Column>>} */
export const columns = {
  rate: { title: '{unit}', digits: 0, ratio: true },
  p50: { title: 'p50 ms', digits: 2 },
  p99: { title: 'p99 ms', digits: 2, ratio: true },
  cpu: { title: 'CPU µs/{per}', digits: 1, ratio: true },
  main: { title: 'main thread µs', digits: 1 },
  delay: { title: 'loop p99 ms', digits: 1 },
  delayMax: { title: 'loop max ms', digits: 1 },
  load: { title: 'load %', digits: 0 },
  failed: { title: 'failed', digits: 0 },
  late: { title: 'timed out', digits: 0 },
  held: { title: 'claimed by it', digits: 0 },
  requests: { title: 'answered', digits: 0 },
  slowest: { title: 'slowest ms', digits: 0 },
  streamed: { title: 'MiB streamed', digits: 0 },
  birth: { title: 'spawn to ready ms', digits: 1, ratio: true },
  workerMemory: { title: 'MiB per worker', digits: 2, ratio: true },
  idleMemory: { title: 'KiB per connection', digits: 2, ratio: true },
  open: { title: 'connections', digits: 0 },
  firstReply: { title: 'first reply ms', digits: 1, ratio: true },
  core: { title: '% of a core', digits: 3 },
  installed: { title: 'MB installed', digits: 2 },
  own: { title: 'MB of its own', digits: 2 },
  dependencies: { title: 'MB of dependencies', digits: 2 },
};

/** A load generator busier than this may have held the others back, %. */
export const TOO_BUSY = 90;
