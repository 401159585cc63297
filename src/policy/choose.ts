import { errors } from '../core/errors.ts';
import { show } from '../core/thrown.ts';
import { type Addresses, type WorkerId } from '../core/types.ts';
import { addressHash, weight } from './rendezvous.ts';
import { type PolicyConfig } from './config.ts';
import { isUsedUp } from './limits.ts';
import {
  type Candidate,
  type Dispatch,
  type DispatchFunction,
  isReady,
  openOf,
  type PoolState,
  type WorkerRecord,
} from './state.ts';

export type ChooseConfig = Pick<PolicyConfig, 'maxSessionsPerWorker' | 'maxServed' | 'servedJitter'> & {
  readonly dispatch: Dispatch;
};

/** Connections that may be handed to one worker and not be claimed yet; the claim table has as many slots. */
export const MAX_OWED = 1024;

/** The worker that gets the connection; `undefined` if none may take it now. Never one that is leaving. */
export function choose(state: PoolState, config: ChooseConfig, addresses: Addresses): WorkerId | undefined {
  const { dispatch } = config;
  if (typeof dispatch === 'function') return byFunction(dispatch, state, config, addresses);
  const better = preference(dispatch, state, addresses);
  let best: WorkerRecord | undefined;
  for (const worker of state.workers) {
    if (!mayTake(worker, config)) continue;
    if (best === undefined || better(worker, best)) best = worker;
  }
  return best?.id;
}

const mayTake = (worker: WorkerRecord, config: ChooseConfig): boolean =>
  isReady(worker) &&
  !(worker.paused || worker.suspect || worker.asked || worker.broken) &&
  openOf(worker) < Math.min(config.maxSessionsPerWorker, worker.maxSessions) &&
  worker.owed < MAX_OWED &&
  !isUsedUp(worker, config);

/** Whether the first is to be preferred; of equals the one born first stays. */
type Better = (worker: WorkerRecord, best: WorkerRecord) => boolean;

function preference(
  dispatch: Exclude<Dispatch, DispatchFunction>,
  state: PoolState,
  { remoteAddress }: Addresses,
): Better {
  switch (dispatch) {
    case 'least-open':
      return leastOpen(state.generation);
    case 'round-robin':
      return (a, b) => (claims(a, b) || a.lastHandOver - b.lastHandOver) < 0;
    case 'least-busy':
      return leastBusy;
    case 'sticky-address':
      // Unix sockets have no address, and would all stick to one worker.
      return remoteAddress === undefined ? leastOpen(state.generation) : sticky(addressHash(remoteAddress));
  }
}

const leastOpen =
  (generation: number): Better =>
  (a, b) =>
    (claims(a, b) ||
      Number(a.generation !== generation) - Number(b.generation !== generation) ||
      openOf(a) - openOf(b) ||
      a.lastHandOver - b.lastHandOver) < 0;

const leastBusy: Better = (a, b) =>
  (claims(a, b) || tenths(a) - tenths(b) || openOf(a) - openOf(b) || a.lastHandOver - b.lastHandOver) < 0;

const sticky =
  (hash: number): Better =>
  (a, b) =>
    weight(hash, a.id) > weight(hash, b.id);

// A worker that owes a claim may hang, and comes last whatever else speaks for it; only an address sticks to its own.
const claims = (a: WorkerRecord, b: WorkerRecord): number => Number(a.owed > 0) - Number(b.owed > 0);

const utilization = (worker: WorkerRecord): number => worker.beat?.utilization ?? 0;

// Finer differences are noise, and following them would send all connections between two beats to one worker.
const tenths = (worker: WorkerRecord): number => Math.floor(utilization(worker) * 10);

function byFunction(
  dispatch: DispatchFunction,
  state: PoolState,
  config: ChooseConfig,
  addresses: Addresses,
): WorkerId | undefined {
  const candidates = state.workers.filter((worker) => mayTake(worker, config)).map(candidate);
  if (candidates.length === 0) return undefined;
  const named: unknown = call(dispatch, addresses, candidates);
  if (named === undefined || named === null) return undefined;
  const chosen = candidates.find(({ id }) => id === named);
  if (chosen !== undefined) return chosen.id;
  throw errors.dispatchFailed(`named ${show(named)}, which is no worker that may take the connection`);
}

function call(dispatch: DispatchFunction, addresses: Addresses, candidates: readonly Candidate[]): unknown {
  try {
    return dispatch(addresses, candidates);
  } catch (cause) {
    throw errors.dispatchFailed('threw', cause);
  }
}

const candidate = (worker: WorkerRecord): Candidate => ({
  id: worker.id,
  open: openOf(worker),
  owed: worker.owed,
  served: worker.served,
  utilization: utilization(worker),
});
