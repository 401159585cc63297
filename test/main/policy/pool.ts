import { type LeaveReason } from '../../../src/common/core/types.ts';
import { type PolicyConfig, type PolicyOptions, resolvePolicy } from '../../../src/main/policy/config.ts';
import { evolve } from '../../../src/main/policy/evolve.ts';
import { plan } from '../../../src/main/policy/plan.ts';
import {
  type Beat,
  type Decision,
  initialState,
  type PoolEvent,
  type PoolState,
  type Stage,
  type WorkerRecord,
} from '../../../src/main/policy/state.ts';

/** Fixtures: a worker and a pool in any state, said in a line. Workers are ready since 0 unless said otherwise. */
export const worker = (id: number, more: Partial<WorkerRecord> = {}): WorkerRecord => ({
  id,
  generation: 1,
  stage: { phase: 'ready', since: 0 },
  bornAt: 0,
  luck: 0,
  claimed: 0,
  owed: 0,
  served: 0,
  lastActivity: 0,
  lastOffer: 0,
  lastBeat: 0,
  beat: undefined,
  paused: false,
  maxSessions: Infinity,
  suspect: false,
  stolenFrom: false,
  look: undefined,
  debugged: false,
  asked: false,
  broken: false,
  ...more,
});

export const starting = (since = 0, launched = true): { readonly stage: Stage } => ({
  stage: { phase: 'starting', since, launched },
});
/** It was looked at, and stands in no debugger. */
export const cleared: Pick<WorkerRecord, 'look'> = { look: { since: 0, clear: true } };
export const draining = (since = 0, why: LeaveReason = 'asked'): { readonly stage: Stage } => ({
  stage: { phase: 'draining', since, why },
});
export const killing = (since = 0): { readonly stage: Stage } => ({
  stage: { phase: 'killing', since, why: 'silent' },
});
export const zombie = (since = 0): { readonly stage: Stage } => ({
  stage: { phase: 'zombie', since, why: 'silent' },
});
export const beat = (more: Partial<Beat> = {}): Beat => ({
  open: 0,
  served: 0,
  utilization: 0,
  heap: 0,
  external: 0,
  ...more,
});

export const pool = (
  workers: readonly WorkerRecord[],
  more: Partial<Omit<PoolState, 'workers'>> = {},
): PoolState => ({
  ...initialState(0),
  nextId: 100,
  workers,
  ...more,
});

/** `n` ready workers from id 1 on. */
export const ready = (n: number, more: Partial<WorkerRecord> = {}): readonly WorkerRecord[] =>
  Array.from({ length: n }, (_, index) => worker(index + 1, more));

export const config = (options: PolicyOptions = {}): PolicyConfig => resolvePolicy(options);

export const say = (decision: Decision): string => {
  const why = 'why' in decision ? ` ${decision.why}` : '';
  return `${decision.kind} ${decision.id}${why}`;
};

export const planned = (state: PoolState, options: PolicyOptions, now: number): readonly string[] =>
  plan(state, config(options), now).decisions.map(say);

export interface Settled {
  readonly state: PoolState;
  readonly decisions: readonly Decision[];
  readonly wakeAt: number;
  readonly rounds: number;
}

/** Plans and performs until nothing is left to decide, as the master does; throws if that takes too long. */
export function settle(state: PoolState, rules: PolicyConfig, now: number, luck = 0): Settled {
  const decisions: Decision[] = [];
  let next = state;
  for (let rounds = 0; rounds < 8; rounds++) {
    const { decisions: more, wakeAt } = plan(next, rules, now);
    if (more.length === 0) return { state: next, decisions, wakeAt, rounds };
    decisions.push(...more);
    for (const decision of more) next = evolve(next, { kind: 'decided', decision, luck }, now, rules);
  }
  throw new Error(`does not settle: ${decisions.map(say).join(', ')}`);
}

export const after = (
  state: PoolState,
  events: readonly PoolEvent[],
  now = 0,
  rules: PolicyConfig = config(),
): PoolState => events.reduce((each, event) => evolve(each, event, now, rules), state);

export const only = (state: PoolState): WorkerRecord => {
  const [first] = state.workers;
  if (first === undefined) throw new Error('no worker left');
  return first;
};
