/** The reading half of a client session: when it delivers records, and when it stops reading, so that the peer must wait. */
import { isWithin } from '../../common/user-code/scope.ts';
import { type Client } from './client.ts';

/** The part of a session that its input uses. */
export interface InputOwner {
  /** Whether records may still be delivered at all. */
  readonly takesInput: boolean;
  /** Calls `clientInput`. `true`: its promise is pending, and `settled()` follows. */
  deliver(record: unknown): boolean;
  /** The input filter threw. `true`: a promise of `clientError` is pending, and `settled()` follows. */
  refuse(error: unknown): boolean;
  /** The input filter threw so often that it cannot have used any input for it. */
  giveUp(error: unknown): void;
  /** All records were delivered and the peer will send nothing more. Called once. */
  ended(): void;
}

// How often a filter may throw, besides once for each byte it was given since it wanted more: one that throws
// and consumes nothing would throw for ever.
const SLACK = 64;

// How often filters may throw in one turn of the event loop, those of all connections of this thread: an error costs much
// more than the few bytes that cause it, and a read may be full of them. Each connection has one for its own.
const REFUSALS_A_TURN = 64;

let refusedNow = 0;

/** One more refusal; whether that is enough for this turn. */
function isEnough(): boolean {
  if (refusedNow === 0)
    setImmediate(() => {
      refusedNow = 0;
    });
  refusedNow += 1;
  return refusedNow >= REFUSALS_A_TURN;
}

/**
 * The input of one connection: bytes from the socket through the filter to the handler, one record at a time.
 * While a handler's promise is pending nothing is read, so the peer must wait.
 */
export class Input {
  readonly #client: Client<unknown, unknown>;
  readonly #owner: InputOwner;
  // Until `open()`, and while a handler runs or its promise is pending.
  #busy = true;
  #paused = false;
  #end: 'not yet' | 'seen' | 'told' | 'shut' = 'not yet';
  #wakeIsDue = false;
  #refusable = SLACK;

  constructor(client: Client<unknown, unknown>, owner: InputOwner) {
    this.#client = client;
    this.#owner = owner;
  }

  /** Starts reading. */
  open(): void {
    const { socket } = this.#client;
    if (this.#paused) this.#pauseSocket();
    socket.on('data', (chunk: Uint8Array) => {
      this.#read(chunk);
    });
    socket.on('end', () => {
      if (this.#end === 'not yet') this.#end = 'seen';
      this.#pump();
    });
    this.settled();
  }

  /** The promise of the last handler has settled. */
  settled(): void {
    this.#busy = false;
    this.#pump();
  }

  pause(): void {
    this.#paused = true;
    this.#pauseSocket();
  }

  resume(): void {
    this.#paused = false;
    this.wake();
  }

  /** Delivers nothing from now on; input flows on, to be discarded. */
  shut(): void {
    if (this.#end === 'told') return;
    this.#end = 'shut';
    this.#client.socket.resume();
  }

  get isShut(): boolean {
    return this.#end === 'shut';
  }

  /** Looks for records soon, not now: the caller is user code, and handlers do not run inside one another. */
  wake(): void {
    if (this.#busy || this.#wakeIsDue) return;
    this.#wakeIsDue = true;
    queueMicrotask(() => {
      this.#wakeIsDue = false;
      this.#pump();
    });
  }

  #read(chunk: Uint8Array): void {
    if (!this.#takesInput()) return;
    this.#refusable += chunk.length;
    try {
      this.#client.inputFilter.push(chunk);
    } catch (error) {
      this.#refuse(error);
    }
    this.#pump();
  }

  #pump(): void {
    if (this.#busy) return;
    const { scope } = this.#client.socket;
    if (isWithin(scope)) this.#pumpInScope();
    else scope.runInAsyncScope(this.#pumpInScope, this);
  }

  #pumpInScope(): void {
    while (this.#mayDeliver() && this.#step());
    if (this.#mayDeliver()) this.#allDelivered();
  }

  #mayDeliver(): boolean {
    return !this.#busy && !this.#paused && this.#takesInput();
  }

  // Delivers the next record; false if there is none.
  #step(): boolean {
    let record: unknown;
    try {
      record = this.#client.inputFilter.take();
    } catch (error) {
      this.#refuse(error);
      this.#rest();
      return true;
    }
    if (record === undefined) return false;
    this.#busy = true;
    if (this.#owner.deliver(record)) this.#pauseSocket();
    else this.#busy = false;
    return true;
  }

  #refuse(error: unknown): void {
    this.#refusable -= 1;
    if (this.#refusable < 0) {
      this.#owner.giveUp(error);
      return;
    }
    this.#busy = true;
    if (this.#owner.refuse(error)) this.#pauseSocket();
    else this.#busy = false;
  }

  // Lets others have their turn after so many refusals; a promise that is pending does so too.
  #rest(): void {
    if (!isEnough() || this.#busy) return;
    this.#busy = true;
    this.#pauseSocket();
    setImmediate(() => {
      this.settled();
    });
  }

  #takesInput(): boolean {
    return this.#end !== 'told' && this.#end !== 'shut' && this.#owner.takesInput;
  }

  // After shutdown() input flows on, to be discarded: unread input would turn the close into a reset.
  #pauseSocket(): void {
    if (this.#takesInput()) this.#client.socket.pause();
  }

  #allDelivered(): void {
    this.#refusable = SLACK;
    if (this.#end === 'seen') {
      this.#end = 'told';
      this.#owner.ended();
    } else if (this.#client.socket.isPaused()) this.#client.socket.resume();
  }
}
