/** The data that a worker's thread is given at its birth, and where its code finds them. Used in both threads. */
import { isMainThread, type MessagePort, workerData } from 'node:worker_threads';
import { type Millis } from '../core/types.ts';
import { type Backlog } from '../wire/backlog.ts';
import { type OwnThread } from './own-thread.ts';

/** The part of a MessagePort that a worker uses. */
export interface BootPort {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  postMessage(message: unknown, transfer?: Transfer): void;
  close(): void;
}

/** How many messages of user code may wait for the main thread, and how many do. */
export interface MessageQuota {
  readonly most: number;
  readonly backlog: Backlog;
}

/** What a worker that does not begin to serve is to tell. */
export interface BootTerms {
  /** How long its boot may take. */
  readonly bootTimeout: Millis;
  /** The last generation of which a worker has told, in memory that all workers of a prefork share. */
  readonly told: Int32Array<SharedArrayBuffer>;
}

/** The data that a thread needs to become a worker; every host carries it to `bootSlot()` in the thread. */
export interface BootData {
  readonly url: string;
  readonly port: MessagePort;
  readonly settings: unknown;
  /** Default: no limit. */
  readonly quota?: MessageQuota;
  /** Default: none, as where threads are tested alone. */
  readonly terms?: BootTerms;
}

/** The same as the worker finds it. */
export interface BootSlot {
  readonly url: string;
  readonly port: BootPort;
  readonly settings: unknown;
  readonly quota?: MessageQuota;
  /** The URL that it was loaded by, where that is another one. */
  readonly loadedAs?: string;
  /** Where there is no thread of its own; cannot travel to one. */
  readonly thread?: OwnThread;
  /** It has come by its own call of `prefork()`. */
  isCalled?: boolean;
  /** Where other calls of its module stand that it has come by. */
  passed?: string[];
  /** The handlers are registered. */
  serves?: boolean;
}

// Registered by name, not made: the user's copy of this package in the thread may be another one than the host's.
const BOOT: unique symbol = Symbol.for('forkless.boot');

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

const isBootSlot = (value: unknown): value is BootSlot =>
  isFields(value) &&
  typeof value['url'] === 'string' &&
  isFields(value['port']) &&
  typeof value['port']['postMessage'] === 'function' &&
  'settings' in value;

function fromWorkerData(): unknown {
  const data: unknown = workerData;
  return !isMainThread && isFields(data) ? data['forkless'] : undefined;
}

/** The boot data of the thread this runs in; `undefined` where no host of ours started it. */
export function bootSlot(): BootSlot | undefined {
  const slot: unknown = Reflect.get(globalThis, BOOT) ?? fromWorkerData();
  return isBootSlot(slot) ? slot : undefined;
}

/** For hosts whose thread has an entry of its own: leaves the boot data where `bootSlot()` looks. */
export function fillBootSlot(boot: BootData): void {
  // Not enumerable: a test in the thread that compares the globals before and after should not see it.
  Object.defineProperty(globalThis, BOOT, { value: boot, configurable: true });
}

/** The same for several workers in one thread: `find` tells which one's code asks. Returns how to undo it. */
export function lendBootSlot(find: () => BootSlot | undefined): () => void {
  Object.defineProperty(globalThis, BOOT, { get: find, configurable: true });
  return () => {
    Reflect.deleteProperty(globalThis, BOOT);
  };
}

/** Second argument of `postMessage()`. */
export type Transfer = NonNullable<Parameters<MessagePort['postMessage']>[1]>;

/** The same in both forms that Node takes. */
export type TransferGiven = Transfer | { readonly transfer?: Transfer };
