// A process of its own that makes the load, one phase at a time as the runner asks for them.
import { setTimeout as delay } from 'node:timers/promises';
import { kinds } from './kinds.mjs';
import { Tally } from './tally.mjs';

/** @type {Omit<import('./kinds.mjs').Load, 'kind' | 'duration' | 'port'>} */
const defaults = {
  warmUp: 0,
  connections: 1,
  depth: 1,
  script: 'echo',
  size: 32,
  rate: 100,
  timeout: 5_000,
  total: Infinity,
};

/** Ends a phase that has begun, when the runner has read its meters. */
let proceed = () => {};
const next = () => new Promise((/** @type {(value?: unknown) => void} */ resolve) => (proceed = resolve));

/** @param {import('./kinds.mjs').Load} load */
async function phase(load) {
  const tally = new Tally();
  const running = await kinds[load.kind](load, tally);
  if (load.warmUp > 0) {
    await delay(load.warmUp);
    tally.reset();
  }
  process.send?.({ event: 'began' });
  await (running.done ?? delay(load.duration));
  const report = tally.report();
  const read = next();
  process.send?.({ event: 'ended', report });
  await read;
  running.stop();
  process.send?.({ event: 'stopped' });
}

process.on('message', (message) => {
  if (message === 'proceed') proceed();
  else phase({ ...defaults, .../** @type {import('./kinds.mjs').Load} */ (message) });
});
process.on('disconnect', () => process.exit());
