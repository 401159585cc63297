import { once } from 'node:events';
import { createPrefork, type Prefork } from 'forkless';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EVENT_NAMES } from '../../../src/main/prefork/event-names.ts';

type Warning = Error & { readonly code?: string };

/** As a program in JavaScript calls it. */
type Loose = Record<
  'on' | 'addListener' | 'once' | 'prependListener' | 'prependOnceListener',
  (name: string | symbol, listener: () => void) => unknown
>;

const nothing = (): void => undefined;

let server: Prefork;
let loose: Loose;
let warnings: Warning[];
const note = (warning: Error): void => void warnings.push(warning);

beforeEach(() => {
  warnings = [];
  process.on('warning', note);
  server = createPrefork({ worker: 'file:///none.js' });
  loose = server as unknown as Loose;
});

afterEach(async () => {
  process.off('warning', note);
  await server.close();
});

describe('a listener for an event that there is not', () => {
  it.each([
    ['on', 'workerExitted', '; did you mean `workerExited`?'],
    ['once', 'close', '; did you mean `closed`?'],
    ['addListener', 'workerready', '; did you mean `workerReady`?'],
    ['prependListener', 'drops', '; did you mean `drop`?'],
    ['prependOnceListener', 'message', '; README.md lists all'],
  ] as const)('is told of once for its name, with the line: %s %j', async (method, name, meant) => {
    const told = once(process, 'warning');
    loose[method](name, nothing);
    loose.on(name, nothing);
    await told;
    expect(warnings).toEqual([
      expect.objectContaining({ name: 'ForklessWarning', code: 'FORKLESS_UNKNOWN_EVENT' }),
    ]);
    const [{ message }] = warnings as [Warning];
    expect(message).toContain(`A prefork has no event \`${name}\` (at `);
    expect(message).toMatch(/\(at \S+event-names\.test\.ts:\d+:\d+\)/);
    expect(message).toContain(meant);
  });

  it('is told of at most so many names', () => {
    const emit = process.emitWarning.bind(process);
    let count = 0;
    process.emitWarning = () => (count += 1);
    for (let n = 0; n < 200; n += 1) loose.on(`made-up-${n}`, nothing);
    process.emitWarning = emit;
    expect(count).toBeLessThanOrEqual(64);
    expect(count).toBeGreaterThan(50);
  });
});

it('all others are free: those of a prefork, those of Node, and symbols', async () => {
  for (const name of [...EVENT_NAMES, 'newListener', 'removeListener', 'error', Symbol('mine')])
    for (const method of ['on', 'prependListener'] as const) loose[method](name, nothing);
  await new Promise(setImmediate);
  expect(warnings).toEqual([]);
});
