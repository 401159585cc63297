import { type Sessions } from './sessions.ts';
import { type AnyParameters } from './parameters.ts';
import { type State } from './states.ts';

/** What a worker keeps for all its connections. */
export interface WorkerSetup {
  readonly parameters: AnyParameters;
  readonly states: ReadonlyMap<string, State>;
  readonly directory: Sessions;
  readonly masterAlias: string;
  readonly alias: string;
  readonly maxEvents: number;
}
