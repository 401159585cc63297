import { describe, expect, it } from 'vitest';
import {
  hasToldLeaving,
  move,
  STAGE_MOVES,
  wasReady,
  type WorkerStage,
} from '../../../src/main/master/stages.ts';

const STAGES = Object.keys(STAGE_MOVES) as WorkerStage[];

/** Every way that a worker can go, from its birth to its end. */
function ways(from: WorkerStage): WorkerStage[][] {
  const next = STAGE_MOVES[from];
  return next.length === 0 ? [[from]] : next.flatMap((to) => ways(to).map((way) => [from, ...way]));
}

describe('the stages of a worker', () => {
  it('are these ways and no others', () => {
    expect(ways('gated').map((way) => way.join(' '))).toEqual([
      'gated booting ready leaving ended',
      'gated booting ready ended',
      'gated booting failed withdrawing ended',
      'gated booting failed ended',
      'gated booting ended',
      'gated cancelled ended',
    ]);
    expect(new Set(ways('gated').flat())).toEqual(new Set(STAGES));
  });

  it.each(STAGES)('after %s are those of the table; any other is refused with both names', (from) => {
    for (const to of STAGES) {
      if (STAGE_MOVES[from].includes(to)) expect(move(from, to)).toBe(to);
      else expect(() => move(from, to)).toThrow(`that it is ${to}, from a worker that is ${from}`);
    }
  });

  it('tell who was ready and who told that it leaves', () => {
    expect(STAGES.filter(wasReady)).toEqual(['ready', 'leaving']);
    expect(STAGES.filter(hasToldLeaving)).toEqual(['withdrawing', 'leaving']);
  });
});
