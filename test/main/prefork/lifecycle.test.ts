import { describe, expect, it } from 'vitest';
import { Lifecycle, MOVES, type State } from '../../../src/main/prefork/lifecycle.ts';

const STATES = Object.keys(MOVES) as State[];

/** Every way that a prefork can go, from its making to its end. */
function ways(from: State): State[][] {
  const next = MOVES[from];
  return next.length === 0 ? [[from]] : next.flatMap((to) => ways(to).map((way) => [from, ...way]));
}

/** A life that has come to this state by the first way that leads there. */
function lifeIn(state: State): Lifecycle {
  const life = new Lifecycle();
  const way = ways('idle').find((each) => each.includes(state))!;
  for (const to of way.slice(1, way.indexOf(state) + 1)) life.move(to);
  expect(life.state).toBe(state);
  return life;
}

const wrong = { code: 'FORKLESS_WRONG_STATE' };
const allowed = (call: (life: Lifecycle) => void): State[] =>
  STATES.filter((state) => {
    try {
      call(lifeIn(state));
      return true;
    } catch (error) {
      expect(error).toMatchObject(wrong);
      return false;
    }
  });

describe('the life of a prefork', () => {
  it('goes these ways and no others', () => {
    expect(ways('idle').map((way) => way.join(' '))).toEqual([
      'idle starting listening closing closed',
      'idle starting closing closed',
      'idle closed',
    ]);
  });

  it.each(STATES)('goes from %s where the table says, and nowhere else', (from) => {
    for (const to of STATES) {
      const life = lifeIn(from);
      const move = (): void => {
        life.move(to);
      };
      if (MOVES[from].includes(to)) expect(move).not.toThrow();
      else expect(move).toThrow(expect.objectContaining(wrong) as Error);
      expect(life.state).toBe(MOVES[from].includes(to) ? to : from);
    }
  });

  it('says what may be done in which state', () => {
    const may = (what: (life: Lifecycle) => boolean): State[] =>
      STATES.filter((state) => what(lifeIn(state)));
    expect(may(({ isRunning }) => isRunning)).toEqual(['starting', 'listening']);
    expect(may(({ isEnding }) => isEnding)).toEqual(['closing', 'closed']);
    expect(may(({ startIsOver }) => !startIsOver)).toEqual(['starting']);
    expect(
      allowed((life) => {
        life.mayListen('listen()');
      }),
    ).toEqual(['idle', 'listening']);
    expect(
      allowed((life) => {
        life.mustStart();
      }),
    ).toEqual(['starting']);
  });

  it('keeps the first failure of its start, and tells it to whoever waits', () => {
    const life = lifeIn('starting');
    const [first, second] = [new Error('first'), new Error('second')];
    life.fail(undefined);
    expect(life.startIsOver).toBe(false);
    life.fail(first);
    life.fail(second);
    expect(life.startIsOver).toBe(true);
    expect(() => {
      life.mustStart();
    }).toThrow(first);
    life.move('closing');
    expect(life.whyNotListening()).toBe(first);
  });
});
