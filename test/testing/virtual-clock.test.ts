import { expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

it('fires what is due in order of time, then in the order in which it was asked for', () => {
  const clock = new VirtualClock(100);
  const fired: string[] = [];
  const note = (name: string) => () => fired.push(`${name} at ${clock.now()}`);
  clock.callAt(120, note('c'));
  clock.callAt(110, note('a'));
  clock.callAt(110, note('b'));
  expect([clock.armed, clock.next]).toEqual([3, 110]);
  while (clock.fireNext());
  expect(fired).toEqual(['a at 110', 'b at 110', 'c at 120']);
  expect([clock.armed, clock.next, clock.firings]).toEqual([0, Infinity, 3]);
});

it('never goes back: what was due in the past fires now', () => {
  const clock = new VirtualClock();
  clock.sleep(50);
  clock.callAt(10, () => undefined);
  expect(clock.fireNext()).toBe(true);
  expect(clock.now()).toBe(50);
});

it('fires nothing that was taken back', () => {
  const clock = new VirtualClock();
  const cancel = clock.callAt(10, () => {
    throw new Error('taken back');
  });
  cancel();
  cancel();
  expect(clock.fireNext()).toBe(false);
});
