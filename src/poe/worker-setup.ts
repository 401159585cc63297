/**
 * The type of the setup that all connections of a worker share in PreforkTCP. Made in either thread, it is used in a
 * worker.
 */
import { type Sessions } from './sessions.ts';
import { type AnyParameters } from './parameters.ts';
import { type State } from './states.ts';

/** The setup that a worker keeps for all its connections. */
export interface WorkerSetup {
  readonly parameters: AnyParameters;
  readonly states: ReadonlyMap<string, State>;
  readonly sessions: Sessions;
  readonly masterAlias: string;
  readonly alias: string;
  readonly maxEvents: number;
}
