/** The choice of the worker that gets a connection, for each value of the option `dispatch`. */
import { errors } from '../../common/core/errors.ts';
import { show } from '../../common/core/thrown.ts';
import { type Addresses, type WorkerId } from '../../common/core/types.ts';
import { addressHash, weight } from './rendezvous.ts';
import { type PolicyConfig } from './config.ts';
import { isUsedUp } from './limits.ts';
import { keptByLoad } from './load.ts';
import {
  type Candidate,
  type Dispatch,
  type DispatchFunction,
  isReady,
  openOf,
  type PoolState,
  type WorkerRecord,
} from './state.ts';

export type ChooseConfig = Pick<
  PolicyConfig,
  'minWorkers' | 'maxSessionsPerWorker' | 'maxServed' | 'servedJitter' | 'growUtilization'
> & {
  readonly dispatch: Dispatch;
};

/** Connections that may be offered to one worker and not be claimed yet. */
export const MAX_OWED = 1024;

/** Connections that one worker may have at a time. There is memory for the leases of some more. */
export const MAX_OPEN = 250_000;

/**
 * The worker that gets the connection; `undefined` if none may take it now. A worker that is leaving is never chosen. While a reload
 * replaces the workers, the new ones come first: who was sent away by an old one must not meet another old one.
 */
export function choose(state: PoolState, config: ChooseConfig, addresses: Addresses): WorkerId | undefined {
  const { dispatch } = config;
  if (typeof dispatch === 'function') return byFunction(dispatch, state, config, addresses);
  const better = preference(dispatch, state, config, addresses);
  let best: WorkerRecord | undefined;
  for (const worker of state.workers) {
    if (!mayTake(worker, config)) continue;
    const newer = best === undefined ? 1 : isNew(worker, state) - isNew(best, state);
    if (newer > 0 || (newer === 0 && best && better(worker, best))) best = worker;
  }
  return best?.id;
}

const isNew = ({ generation }: WorkerRecord, state: PoolState): number =>
  Number(generation === state.generation);

const mayTake = (worker: WorkerRecord, config: ChooseConfig): boolean =>
  isReady(worker) &&
  !(worker.paused || worker.suspect || worker.asked || worker.broken) &&
  openOf(worker) < Math.min(config.maxSessionsPerWorker, worker.maxSessions, MAX_OPEN) &&
  worker.owed < MAX_OWED &&
  !isUsedUp(worker, config);

/** Whether the first is to be preferred; of equals the one born first stays. */
type Better = (worker: WorkerRecord, best: WorkerRecord) => boolean;

function preference(
  dispatch: Exclude<Dispatch, DispatchFunction>,
  state: PoolState,
  config: ChooseConfig,
  { remoteAddress }: Addresses,
): Better {
  const { minWorkers } = config;
  switch (dispatch) {
    case 'least-open':
      return leastOpen(lastOfCore(state, minWorkers));
    case 'round-robin':
      return roundRobin(lastOfRound(state, config));
    case 'least-busy':
      return leastBusy(lastOfCore(state, minWorkers));
    case 'sticky-address':
      // Unix sockets have no address, and would all stick to one worker.
      return remoteAddress === undefined
        ? leastOpen(lastOfCore(state, minWorkers))
        : sticky(addressHash(remoteAddress));
  }
}

/** The youngest of the `minWorkers` workers that always stay, or of one. Workers born after it are there for the load. */
function lastOfCore({ workers, generation }: PoolState, minWorkers: number): WorkerId {
  let seats = Math.max(1, minWorkers);
  for (const worker of workers) {
    if (isReady(worker) && worker.generation === generation) seats -= 1;
    if (seats === 0) return worker.id;
  }
  return Infinity;
}

/** The youngest of the workers that take turns. In a range, workers that the load does not need get no connections, and are retired later. */
function lastOfRound(state: PoolState, config: ChooseConfig): WorkerId {
  if (config.growUtilization === Infinity) return Infinity;
  return lastOfCore(state, Math.max(config.minWorkers, keptByLoad(state, config)));
}

const roundRobin =
  (lastOfRound: WorkerId): Better =>
  (a, b) =>
    (claims(a, b) || beyond(a, b, lastOfRound) || a.lastOffer - b.lastOffer) < 0;

const beyond = (a: WorkerRecord, b: WorkerRecord, last: WorkerId): number =>
  Number(a.id > last) - Number(b.id > last);

// Among equal workers, those of the core are preferred. The others can then become idle, and are retired when the load falls.
const leastOpen =
  (lastOfCore: WorkerId): Better =>
  (a, b) =>
    (claims(a, b) || openOf(a) - openOf(b) || beyond(a, b, lastOfCore) || a.lastOffer - b.lastOffer) < 0;

const leastBusy =
  (lastOfCore: WorkerId): Better =>
  (a, b) =>
    (claims(a, b) ||
      tenths(a) - tenths(b) ||
      openOf(a) - openOf(b) ||
      beyond(a, b, lastOfCore) ||
      a.lastOffer - b.lastOffer) < 0;

const sticky =
  (hash: number): Better =>
  (a, b) =>
    weight(hash, a.id) > weight(hash, b.id);

// A worker that owes a claim, or has let one be stolen, may hang. It comes last of its generation; only an address sticks
// to its own.
const claims = (a: WorkerRecord, b: WorkerRecord): number => doubt(a) - doubt(b);

// One that was stolen from has shown that it does not take up what it is offered. It must not get the same again.
const doubt = ({ owed, stolenFrom }: WorkerRecord): number => (stolenFrom ? 2 : Number(owed > 0));

const utilization = (worker: WorkerRecord): number => worker.beat?.utilization ?? 0;

// Finer differences are noise, and following them would send all connections between two beats to one worker.
const tenths = (worker: WorkerRecord): number => Math.floor(utilization(worker) * 10);

function byFunction(
  dispatch: DispatchFunction,
  state: PoolState,
  config: ChooseConfig,
  addresses: Addresses,
): WorkerId | undefined {
  const able = state.workers.filter((worker) => mayTake(worker, config));
  const fresh = able.filter((worker) => isNew(worker, state) === 1);
  const candidates = (fresh.length > 0 ? fresh : able).map(candidate);
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
