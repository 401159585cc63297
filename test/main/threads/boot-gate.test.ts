import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BootGate } from '../../../src/main/threads/boot-gate.ts';

function births(concurrency: number, count: number) {
  const gate = new BootGate(concurrency);
  const launched: number[] = [];
  const passages = Array.from({ length: count }, (_, index) => gate.enter(() => launched.push(index)));
  return { gate, launched, passages };
}

describe('the boot gate', () => {
  it('never launches synchronously', async () => {
    const { launched } = births(1, 1);
    expect(launched).toEqual([]);
    await turn();
    expect(launched).toEqual([0]);
  });

  it('lets in as many as there is room for, in order, and the next as one is done', async () => {
    const { gate, launched, passages } = births(2, 5);
    await turn();
    expect(launched).toEqual([0, 1]);
    passages[1]!.done();
    await turn();
    expect(launched).toEqual([0, 1, 2]);
    passages[0]!.done();
    passages[2]!.done();
    await turn();
    expect(launched).toEqual([0, 1, 2, 3, 4]);
    expect(gate.inside).toBe(2);
  });

  it('counts a birth out once, however often it is done', async () => {
    const { launched, passages } = births(1, 3);
    await turn();
    passages[0]!.done();
    passages[0]!.done();
    await turn();
    passages[0]!.done();
    await turn();
    expect(launched).toEqual([0, 1]);
  });

  it('never launches what was cancelled while it waited, and passes its room on', async () => {
    const { gate, launched, passages } = births(1, 3);
    await turn();
    passages[1]!.cancel();
    passages[0]!.done();
    await turn();
    expect(launched).toEqual([0, 2]);
    passages[2]!.done();
    await turn();
    expect(gate.inside).toBe(0);
  });

  it('never launches what was cancelled or done in the turn it entered', async () => {
    const { gate, launched, passages } = births(2, 2);
    passages[0]!.cancel();
    passages[1]!.done();
    await turn();
    expect(launched).toEqual([]);
    expect(gate.inside).toBe(0);
  });

  it('keeps the room of a launched birth when it is cancelled too late', async () => {
    const { launched, passages } = births(1, 2);
    await turn();
    passages[0]!.cancel();
    await turn();
    expect(launched).toEqual([0]);
    passages[0]!.done();
    await turn();
    expect(launched).toEqual([0, 1]);
  });

  it('lets in at least one at a time by default', async () => {
    const gate = new BootGate();
    const launched: string[] = [];
    gate.enter(() => launched.push('first'));
    await turn();
    expect(launched).toEqual(['first']);
  });
});
