import { describe, expect, it } from 'vitest';
import { Troubles, TROUBLES } from '../../../src/worker/runtime/troubles.ts';
import { FakeClock } from '../../main/master/fake-clock.ts';

interface Told {
  readonly message: string;
  readonly connection: number | undefined;
  readonly callback: string;
  readonly repeated: number;
}

function inThread(): { clock: FakeClock; troubles: Troubles; told: Told[] } {
  const clock = new FakeClock();
  const told: Told[] = [];
  const thread = {
    now: () => clock.now(),
    after: (delay: number, run: () => void) => clock.callAt(clock.now() + delay, run),
  };
  const troubles = new Troubles(thread, ({ error, connection, callback, repeated }) => {
    told.push({ message: error.message, connection, callback, repeated });
  });
  return { clock, troubles, told };
}

const sum = (told: readonly Told[]): number => told.reduce((all, { repeated }) => all + 1 + repeated, 0);

describe('errors that no handler has seen', () => {
  it('are told at once, each by itself, while they are few', () => {
    const { clock, troubles, told } = inThread();
    for (const connection of [1, 2, 3])
      troubles.happened({ error: new Error('x'), connection, callback: 'clientInput' });
    expect(told.map(({ connection, repeated }) => [connection, repeated])).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
    expect(clock.armed).toBe(0);
  });

  it('of one connection that go on cost a few messages a second, and none is lost', () => {
    const { clock, troubles, told } = inThread();
    const [seconds, each] = [10, 5_000];
    for (let n = 0; n < seconds * each; n += 1) {
      troubles.happened({ error: new Error(`bad ${n}`), connection: 7, callback: 'inputFilter' });
      clock.advance(1_000 / each);
    }
    clock.advance(TROUBLES.interval);
    expect(sum(told)).toBe(seconds * each);
    expect(told.length).toBeLessThanOrEqual((seconds + 1) * (TROUBLES.mostOfOne + 1));
    expect(clock.armed).toBe(0);
  });

  it('of ever new connections too', () => {
    const { clock, troubles, told } = inThread();
    for (let connection = 0; connection < 10_000; connection += 1)
      troubles.happened({ error: 'odd', connection, callback: 'clientInput' });
    clock.advance(TROUBLES.interval);
    expect(sum(told)).toBe(10_000);
    expect(told.length).toBe(TROUBLES.most + 1);
  });

  it('of one connection do not hide those of another, or of another callback', () => {
    const { clock, troubles, told } = inThread();
    for (let n = 0; n < 1_000; n += 1)
      troubles.happened({ error: 'odd', connection: 1, callback: 'inputFilter' });
    troubles.happened({ error: 'mine', connection: 2, callback: 'clientInput' });
    expect(told.at(-1)).toMatchObject({ connection: 2, repeated: 0 });
    troubles.happened({ error: 'of the first', connection: 1, callback: 'clientDisconnected' });
    clock.advance(TROUBLES.interval);
    expect(told.slice(-2)).toMatchObject([
      { callback: 'inputFilter', repeated: 994 },
      { callback: 'clientDisconnected', repeated: 0 },
    ]);
  });

  it('that are held back are told before the worker leaves', () => {
    const { clock, troubles, told } = inThread();
    for (let n = 0; n < 100; n += 1) troubles.happened({ error: n, connection: 1, callback: 'inputFilter' });
    troubles.flush();
    expect(sum(told)).toBe(100);
    expect(clock.armed).toBe(0);
  });
});
