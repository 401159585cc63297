/**
 * The messages and payloads between the main thread and a worker: their types and their checks. Used in both threads.
 */
import { errors } from '../core/errors.ts';
import { type OwnCall } from '../core/module-call.ts';
import { show } from '../core/thrown.ts';
import { type Activity } from './activity.ts';
import { type LeasePage, MOST_SLOTS } from './leases.ts';
import {
  type AddressInfo,
  type Addresses,
  type ConnectionId,
  type Millis,
  type PlainError,
  type Secured,
} from '../core/types.ts';
import { type Rings } from './ring.ts';

/** Options of accepted sockets that a transferred one is to have in its worker, too; as for `net.createServer()`. */
export interface AcceptedOptions {
  readonly noDelay?: boolean | undefined;
  readonly keepAlive?: boolean | undefined;
  readonly keepAliveInitialDelay?: Millis | undefined;
}

/** How often a worker says that its event loop turns. */
export interface Pace {
  readonly every: Millis;
  /** While it has no connection and hardly anything to do. */
  readonly atRest: Millis;
}

/** What a worker needs to know of its prefork; part of the boot data. */
export interface WorkerSettings {
  readonly id: number;
  readonly generation: number;
  readonly heartbeat: Pace;
  /** Bytes of credit per connection and direction. */
  readonly window: number;
  readonly allowHalfOpen: boolean;
  /** Bytes of unsent output at which a client is given up. */
  readonly maxOutput: number;
  readonly highWaterMark: number | undefined;
  /** How long it may still work when it leaves. */
  readonly leaveTimeout: Millis;
  readonly accepted: AcceptedOptions;
  /** Memory for the leases; further pages come by messages. */
  readonly leases: readonly LeasePage[];
  /** Memory for the lanes. */
  readonly rings: Rings;
  readonly activity: Activity;
  /** Where the prefork listens, as `net.Server.address()`; `null` where it does not. */
  readonly address: AddressInfo | string | null;
  /** The call of `prefork()` that it belongs to; without one, it is any that its module makes first. */
  readonly call?: OwnCall | undefined;
  /** How to end TLS, where the worker is to; `PlainTls` of the tls layer, which this one does not know. */
  readonly tls: object | undefined;
}

/** Payload of an `open` frame. */
export interface OpenFrame {
  readonly slot: number;
  readonly addresses: Addresses;
  readonly secured?: Secured | undefined;
  /** Only where another worker had the connection before. */
  readonly resumed?: Resumed | undefined;
}

/** What a worker must know of a connection that another one had before. */
export interface Resumed {
  /** The connection's own number; that of the frame is its lease's. */
  readonly connection: ConnectionId;
  /** Bytes that its workers have taken from the peer, and sent to it. */
  readonly read: number;
  readonly written: number;
  /** Bytes that may be sent before the first credit. */
  readonly credit: number;
}

/** Main to worker, by the port: a socket that was claimed. */
export interface SocketMessage {
  readonly kind: 'socket';
  readonly id: ConnectionId;
  /** A `net.Socket`, which this layer does not know. */
  readonly socket: object;
  /** `Addresses` as JSON: most handlers never ask for them. */
  readonly addresses: string;
}

/** Payload of a `counts` frame: bytes of a transferred connection, in all. */
export interface Counts {
  /** Read from the peer. */
  readonly read: number;
  /** Written to it. */
  readonly written: number;
}

/** Payload of the `close` frame of a transferred connection. */
export interface TransferClose extends Counts {
  /** What closed it; `undefined` where it ended in order. */
  readonly why: CloseFrame | undefined;
}

/** Payload of a `close` frame: what closed it, where it did not end in order. */
export interface CloseFrame {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  /** The handler threw, or destroyed the socket with an error. */
  readonly handler?: boolean | undefined;
  /** The peer ended in order before: the rest of its bytes and their end are still to come. */
  readonly more?: boolean | undefined;
  /** The handler destroyed the socket while so many bytes waited that were beyond credit: they are lost. */
  readonly dropped?: number | undefined;
  /** The handler reset the connection. */
  readonly reset?: boolean | undefined;
}

/** Payload of a `call` frame. */
export type CallFrame =
  | { readonly call: 'noDelay'; readonly enable: boolean }
  | { readonly call: 'keepAlive'; readonly enable: boolean; readonly delay: Millis };

export type ToWorker =
  /** With `moves`, connections that come to rest go to other workers. */
  | { readonly kind: 'retire'; readonly moves: boolean }
  /** A further page for leases. */
  | { readonly kind: 'leases'; readonly page: LeasePage }
  | { readonly kind: 'heartbeat'; readonly pace: Pace };

/** What a worker asks of the master. */
export type Request = 'retire' | 'pause' | 'resume' | 'shutdown';

export type ToMain =
  | { readonly kind: 'ready'; readonly heap: number; readonly external: number }
  | { readonly kind: 'failed'; readonly error: PlainError }
  | {
      readonly kind: 'beat';
      readonly open: number;
      readonly served: number;
      readonly utilization: number;
      readonly heap: number;
      readonly external: number;
    }
  | { readonly kind: 'ask'; readonly request: Request }
  /** How many connections it wants open at a time, at most. */
  | { readonly kind: 'limit'; readonly maxSessions: number }
  | { readonly kind: 'leaving' }
  | {
      readonly kind: 'trouble';
      readonly error: PlainError;
      readonly callback: string;
      readonly connection: ConnectionId | undefined;
      /** How many more like it there were. */
      readonly repeated: number;
    }
  | { readonly kind: 'message'; readonly value: unknown };

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

const isCount = (value: unknown): value is number => Number.isFinite(value) && Number(value) >= 0;

const isText = (value: unknown): boolean => value === undefined || typeof value === 'string';

const isPlainError = (value: unknown): value is PlainError =>
  isFields(value) &&
  typeof value['name'] === 'string' &&
  typeof value['message'] === 'string' &&
  isText(value['code']) &&
  isText(value['stack']);

const isRequest = (value: unknown): value is Request =>
  value === 'retire' || value === 'pause' || value === 'resume' || value === 'shutdown';

const BEAT_FIELDS = ['open', 'served', 'utilization', 'heap', 'external'] as const;

const GUARDS: Readonly<Record<ToMain['kind'], (message: Fields) => boolean>> = {
  ready: ({ heap, external }) => isCount(heap) && isCount(external),
  failed: (message) => isPlainError(message['error']),
  beat: (message) => BEAT_FIELDS.every((field) => isCount(message[field])),
  ask: (message) => isRequest(message['request']),
  limit: ({ maxSessions }) => maxSessions === Infinity || isCount(maxSessions),
  leaving: () => true,
  trouble: (message) =>
    isPlainError(message['error']) &&
    typeof message['callback'] === 'string' &&
    isCount(message['repeated']) &&
    (message['connection'] === undefined || isCount(message['connection'])),
  message: () => true,
};

function isToMain(message: unknown): message is ToMain {
  if (!isFields(message) || typeof message['kind'] !== 'string') return false;
  const guard = Object.entries(GUARDS).find(([kind]) => kind === message['kind'])?.[1];
  return guard?.(message) ?? false;
}

/** Throws `FORKLESS_BAD_FRAME` for what no worker says. */
export function readToMain(message: unknown): ToMain {
  if (isToMain(message)) return message;
  throw errors.badFrame(`a control message that is ${show(message)}`);
}

const parse = (payload: Buffer): unknown => {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    throw errors.badFrame('a payload that is not JSON');
  }
};

// A `TextEncoder` takes six times as long for a text of this size.
export const encodeJson = (value: OpenFrame | CloseFrame | CallFrame): Uint8Array =>
  Buffer.from(JSON.stringify(value));

const isSlot = (value: unknown): boolean => isCount(value) && Number.isInteger(value) && value < MOST_SLOTS;

const RESUMED_FIELDS = ['connection', 'read', 'written', 'credit'] as const;

const isResumed = (value: unknown): boolean =>
  value === undefined || (isFields(value) && RESUMED_FIELDS.every((field) => isCount(value[field])));

function isOpenFrame(value: unknown): value is OpenFrame {
  return (
    isFields(value) && isSlot(value['slot']) && isFields(value['addresses']) && isResumed(value['resumed'])
  );
}

export function readOpen(payload: Buffer): OpenFrame {
  const value = parse(payload);
  if (isOpenFrame(value)) return value;
  throw errors.badFrame('an open frame without slot or addresses');
}

function isCloseFrame(value: unknown): value is CloseFrame {
  if (!isFields(value) || !isText(value['code']) || !isText(value['message'])) return false;
  return value['dropped'] === undefined || isCount(value['dropped']);
}

export function readClose(payload: Buffer): CloseFrame {
  if (payload.length === 0) return {};
  const value = parse(payload);
  if (isCloseFrame(value)) return value;
  throw errors.badFrame('a close frame with odd fields');
}

const COUNTS = 16;

export const encodeCounts = (counts: Counts): Uint8Array =>
  encodeTransferClose({ ...counts, why: undefined });

export function readCounts(payload: Buffer): Counts {
  if (payload.length < COUNTS) throw errors.badFrame(`counts of ${payload.length} bytes`);
  const [read, written] = [payload.readDoubleLE(0), payload.readDoubleLE(8)];
  if (!isCount(read) || !isCount(written)) throw errors.badFrame('odd counts');
  return { read, written };
}

/** Two numbers, and JSON only where it did not end in order: most do. */
export function encodeTransferClose({ read, written, why }: TransferClose): Uint8Array {
  const json = why && encodeJson(why);
  const payload = new Uint8Array(COUNTS + (json?.length ?? 0));
  const counts = new DataView(payload.buffer);
  counts.setFloat64(0, read, true);
  counts.setFloat64(8, written, true);
  if (json) payload.set(json, COUNTS);
  return payload;
}

export function readTransferClose(payload: Buffer): TransferClose {
  const counts = readCounts(payload);
  const why = payload.length > COUNTS ? readClose(payload.subarray(COUNTS)) : undefined;
  return { ...counts, why };
}

function isCallFrame(value: unknown): value is CallFrame {
  if (!isFields(value) || typeof value['enable'] !== 'boolean') return false;
  return value['call'] === 'noDelay' || (value['call'] === 'keepAlive' && isCount(value['delay']));
}

export function readCall(payload: Buffer): CallFrame {
  const value = parse(payload);
  if (isCallFrame(value)) return value;
  throw errors.badFrame('a call that does not exist');
}
