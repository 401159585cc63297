// The text of the warning about a failure whose event nobody listens to.
import { messageOf, textOf } from '../../common/core/thrown.ts';
import { type ConnectionInfo } from '../listener/connections.ts';
import { type PreforkEvents } from './events.ts';
import { framesOf, placeOf } from './place.ts';

/** A failure in words, for a process warning. */
export interface Told {
  /** The code of the process warning. */
  readonly code: string;
  /** Failures with the same cause are told together. */
  readonly cause: string;
  /** How many more failures like this one are told with it. */
  readonly repeated: number;
  /** What is counted, and how many of it the text tells of. */
  readonly counted: { readonly unit: string; readonly here: number };
  /** What failed, where, and by which error: a sentence without its full stop. */
  readonly text: string;
  /** What to do to be told in order. */
  readonly listen: string;
  /** The lines of the stack. */
  readonly frames: readonly string[];
  /** How it goes on for the pool, as long as that is degraded: the rest of the sentence. */
  readonly sequel?: string;
}

type Event<Name extends keyof PreforkEvents> = PreforkEvents[Name][0];
type Describe<Name extends keyof PreforkEvents> = (event: Event<Name>) => Told | undefined;

const CRASH = 'FORKLESS_WORKER_CRASH';
const SOON = 'ended soon after the boot (within `minUptime`)';

const nextOne = ({ retryIn }: Failing): string => `the next one is tried after ${Math.ceil(retryIn)} ms`;

/** Workers fail: not the pool's other trouble, threads that cannot be ended. */
type Failing = Extract<Event<'degraded'>, { readonly cause: 'boot' }>;

// The callbacks whose failures reach no `clientError`.
const WITHOUT_CLIENT = ['connection', 'workerStopping', 'lane', 'heap', 'clientPreConnect', 'clientFilter'];

/** The code of a failure that is a state: it may be over before it is told of. */
export const DEGRADED = 'FORKLESS_DEGRADED';

const HEAR: { readonly [Name in keyof PreforkEvents]?: Describe<Name> } = {
  handlerError: ({ worker, callback, error, repeated }) => {
    const listen = WITHOUT_CLIENT.includes(callback)
      ? 'Listen to the event `handlerError`'
      : 'Give the handlers `clientError`, or listen to the event `handlerError`';
    return failure('FORKLESS_HANDLER_ERROR', `\`${callback}\` of worker ${worker} failed`, {
      error,
      listen,
      kind: callback,
      repeated,
    });
  },
  workerExited: (exit) => {
    const how = howItEnded(exit);
    if (how === undefined) return undefined;
    const listen = 'Its connections were closed. Listen to the event `workerExited`';
    const { error, lastClient: client } = exit;
    return failure(CRASH, `Worker ${exit.worker} ${how}`, { error, client, listen, kind: how });
  },
  workerKilled: ({ worker, why, drainedFor, clients }) => {
    // `workerExpired` tells of workers that do not answer, and `handlerError` of workers that break the protocol.
    if (clients === 0 || drainedFor === undefined || why === 'silent' || why === 'garbage') return undefined;
    const who = clients === 1 ? '1 client' : `${clients} clients`;
    const when = `${Math.round(drainedFor)} ms after it was asked to leave (${why})`;
    return failure('FORKLESS_CLIENTS_CUT', `Worker ${worker} was killed with ${who}, ${when}`, {
      listen:
        'End clients when `worker.signal` is aborted, give a longer `graceTime` or `close({ grace })`, or listen to the event `workerKilled`',
      kind: why,
      counted: { unit: 'clients of other workers', here: clients },
    });
  },
  degraded: (degradation) => {
    // Too many zombies are told by `onStuck`, which makes a warning of its own by default.
    if (degradation.cause === 'zombies') return undefined;
    const { failures, error } = degradation;
    const who = failures === 1 ? 'A worker' : `${failures} workers in a row`;
    const last = failures === 1 ? 'it failed' : 'the last one failed';
    const how = isBootError(error) ? 'did not boot' : SOON;
    const what = `${who} ${how}; ${nextOne(degradation)}${error ? `; ${last}` : ''}`;
    return failure(DEGRADED, what, { error, listen: 'Listen to the event `degraded`', kind: '' });
  },
  workerExpired: ({ worker, silentFor, stack, lastClient: client }) =>
    failure('FORKLESS_WORKER_EXPIRED', `Worker ${worker} did not answer for ${Math.round(silentFor)} ms`, {
      frames: stack.map((frame) => `    at ${frame}`),
      client,
      listen: 'It is asked to leave, then killed. Listen to the event `workerExpired`',
      kind: '',
    }),
  acceptError: ({ error, count }) =>
    failure('FORKLESS_ACCEPT_ERROR', 'Accepting a connection failed', {
      error,
      listen: 'Listen to the event `acceptError`',
      kind: '',
      repeated: count - 1,
    }),
  drop: ({ reason, error }) =>
    reason !== 'dispatch-failed'
      ? undefined
      : failure('FORKLESS_DISPATCH_FAILED', 'A connection was refused: `dispatch` failed', {
          error,
          listen: 'Listen to the event `drop`',
          kind: '',
        }),
};

/** The words for an event that nobody listened to; `undefined` where nothing has failed, or another call tells it. */
export function describeUnheard<Name extends keyof PreforkEvents>(
  name: Name,
  [event]: PreforkEvents[Name],
): Told | undefined {
  const describe = HEAR[name] as ((event: Event<Name>) => Told | undefined) | undefined;
  return describe?.(event);
}

/** A failure of a worker because of which the pool may become degraded, with its error. */
export interface Blow {
  readonly error: Error | undefined;
}

/** The failure that an event tells of, where the pool may become degraded by it in the same turn. */
export function blowOf<Name extends keyof PreforkEvents>(
  name: Name,
  [event]: PreforkEvents[Name],
): Blow | undefined {
  if (name === 'workerExited') return event as Event<'workerExited'>;
  // It breaks the protocol, and is killed for that.
  const isBroken = name === 'handlerError' && (event as Event<'handlerError'>).callback === 'lane';
  return isBroken ? (event as Event<'handlerError'>) : undefined;
}

/** The failure of a worker and the trouble that comes of it for the pool, told as one. */
export function withSequel(told: Told, degradation: Failing): Told {
  const { failures } = degradation;
  const who = failures === 1 ? 'the worker' : `${failures} workers in a row`;
  return {
    ...told,
    cause: soonCauseOf(told),
    sequel: `; ${who} ${SOON}, and ${nextOne(degradation)}`,
    listen: `${told.listen}, and to \`degraded\``,
  };
}

/** The cause of the same failure where it has made the pool degraded. */
export const soonCauseOf = ({ cause }: Told): string => `${cause} soon`;

interface Details {
  readonly error?: Error | undefined;
  /** The client that was served last. */
  readonly client?: ConnectionInfo | undefined;
  /** The lines of the stack, where they are not those of the error. */
  readonly frames?: readonly string[];
  readonly listen: string;
  /** Tells failures apart whose place in the code is unknown. */
  readonly kind: string;
  readonly repeated?: number;
  readonly counted?: Told['counted'];
}

const ONE = { unit: 'like it', here: 1 };

function failure(code: string, what: string, details: Details): Told {
  const { error, client, frames = framesOf(error), listen, kind, repeated = 0, counted = ONE } = details;
  const place = placeOf(frames);
  const at = place === undefined ? '' : ` at ${place}`;
  const by = error === undefined ? '' : `: ${lineOf(error)}`;
  const whose = client === undefined ? '' : `; its last client was ${whereabouts(client)}`;
  const cause = `${code} ${kind} ${place ?? kindOf(error)}`.slice(0, LONGEST);
  // A stack with frames of this package alone says nothing about the user's code.
  const shown = place === undefined ? [] : frames;
  return { code, cause, repeated, counted, text: `${what}${at}${by}${whose}`, listen, frames: shown };
}

const kindOf = (error: Error | undefined): string =>
  (error && (textOf(error, 'code') ?? textOf(error, 'name'))) ?? '';

const isBootError = (error: Error | undefined): boolean =>
  textOf(error, 'code')?.startsWith('FORKLESS_BOOT_') === true;

function howItEnded({ code, reason, why, error }: Event<'workerExited'>): string | undefined {
  // A boot that fails is told by the event `degraded`, or by the call that it rejects.
  if (isBootError(error)) return undefined;
  if (reason === 'crashed') return 'crashed';
  if (reason === 'out-of-memory') return 'ran out of memory';
  return reason === 'exited' && why === undefined ? `was ended by process.exit(${code})` : undefined;
}

const LONGEST = 1_000;

/** Name and message. */
const lineOf = (error: Error): string =>
  onOneLine(`${textOf(error, 'name') ?? 'Error'}: ${messageOf(error)}`);

/** A text may contain what a peer has sent, such as codes that steer a terminal. */
function onOneLine(text: string): string {
  const line = text.slice(0, LONGEST).replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
  return text.length > LONGEST ? `${line}…` : line;
}

/** The address of a client. A stream that was accepted elsewhere may have any text there, or none. */
function whereabouts({ id, remoteAddress, remotePort }: ConnectionInfo): string {
  if (remoteAddress === undefined) return `connection ${id}`;
  // A socket that listens on IPv6 tells addresses of IPv4 in this form.
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
  const host = address.includes(':') ? `[${address}]` : address;
  return onOneLine(remotePort === undefined ? host : `${host}:${remotePort}`);
}
