// How far a worker has come, as its handle sees it: whether it has a thread, and what the worker has told of itself.
// This is not the phase of `policy/state.ts`, which is what the master has decided about the worker.
import { errors } from '../../common/core/errors.ts';

export type WorkerStage =
  | 'gated' // waits at the boot gate, without a thread
  | 'cancelled' // was to leave while it waited there: it never gets a thread
  | 'booting' // its thread runs, and has told nothing about its boot
  | 'failed' // told why it does not boot
  | 'ready' // told that it is ready
  | 'withdrawing' // told that it leaves, after its boot has failed
  | 'leaving' // told that it leaves, after it was ready
  | 'ended'; // has no thread any more

/** The legal moves. */
export const STAGE_MOVES: Readonly<Record<WorkerStage, readonly WorkerStage[]>> = {
  gated: ['booting', 'cancelled'],
  cancelled: ['ended'],
  booting: ['ready', 'failed', 'ended'],
  failed: ['withdrawing', 'ended'],
  ready: ['leaving', 'ended'],
  withdrawing: ['ended'],
  leaving: ['ended'],
  ended: [],
};

/** The next stage. Throws for a move that is not legal: only a worker that breaks the protocol can ask for one. */
export function move(from: WorkerStage, to: WorkerStage): WorkerStage {
  if (STAGE_MOVES[from].includes(to)) return to;
  throw errors.badFrame(`the word that it is ${to}, from a worker that is ${from}`);
}

/** Whether a worker in this stage has been ready. */
export const wasReady = (stage: WorkerStage): boolean => stage === 'ready' || stage === 'leaving';

/** Whether a worker in this stage has told that it leaves. */
export const hasToldLeaving = (stage: WorkerStage): boolean => stage === 'leaving' || stage === 'withdrawing';
