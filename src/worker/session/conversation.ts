/** A session from the handler `clientConnected` to `clientDisconnected`: it joins input, output and errors. */
import { asError } from '../../common/core/thrown.ts';
import { destroyStream } from '../../common/user-code/guarded.ts';
import { type Calls } from './calls.ts';
import { Client, type ClientOwner } from './client.ts';
import { describe, END_OF_INPUT } from './client-error.ts';
import { Faults, type Fault } from './faults.ts';
import { filtersFor } from './filters-for.ts';
import { FlushWatch } from './flush-watch.ts';
import { type AnyHandlers, type ClientContext, type WorkerContext } from './handlers.ts';
import { Input, type InputOwner } from './input.ts';
import { MarkWatch } from './marks.ts';
import { Output } from './output.ts';
import { type ServedSocket } from './served-socket.ts';

export interface ConversationOptions {
  readonly socket: ServedSocket;
  readonly handlers: AnyHandlers;
  readonly worker: WorkerContext;
  readonly heap: unknown;
  readonly maxOutput: number;
  readonly calls: Calls;
  readonly report: (error: unknown, callback: string) => void;
}

/** The part of a session from Connected to Disconnected. */
export class Conversation implements ClientOwner, InputOwner {
  readonly client: Client<unknown, unknown>;
  readonly #socket: ServedSocket;
  readonly #handlers: AnyHandlers;
  readonly #context: ClientContext<unknown, unknown, unknown>;
  readonly #calls: Calls;
  readonly #report: ConversationOptions['report'];
  readonly #faults: Faults;
  readonly #input: Input;
  readonly #flush: FlushWatch | undefined;
  readonly #marks: MarkWatch | undefined;
  #step: 'open' | 'failed' | 'disconnected' = 'open';

  constructor({ socket, handlers, worker, heap, maxOutput, calls, report }: ConversationOptions) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#calls = calls;
    this.#report = report;
    this.#flush = handlers.clientFlushed && new FlushWatch(socket, () => this.#flushed());
    this.#marks = this.#markWatch();
    const { inputFilter, outputFilter } = filtersFor(handlers);
    const output = new Output({
      socket,
      filter: outputFilter,
      maxOutput,
      overflow: (error) => {
        this.#abort({ told: describe('write', error), place: 'put' });
      },
      flush: this.#flush,
      marks: this.#marks,
    });
    this.client = new Client({ socket, owner: this, inputFilter, output, marks: this.#marks });
    this.#context = { client: this.client, worker, heap };
    this.#faults = new Faults({ handlers, calls, report, context: this.#context });
    this.#input = new Input(this.client, this);
  }

  start(): void {
    this.#socket.on('finish', () => {
      if (this.client.isShutdown || this.#input.isShut) this.#socket.destroy();
    });
    const connected = (): unknown => this.#handlers.clientConnected?.(this.#context);
    this.#calls.run('clientConnected', connected, () => {
      if (!this.#socket.destroyed) this.#input.open();
    });
  }

  /** A callback threw or rejected. */
  failed(error: unknown, callback: string): void {
    const isFirst = this.#step === 'open';
    if (isFirst) {
      this.#step = 'failed';
      destroyStream(this.#socket, asError(error));
    }
    if (callback === 'clientError') this.#faults.reportUntold(error);
    else if (isFirst) this.#faults.blame({ told: describe('handler', error), place: callback });
    else this.#report(error, callback);
  }

  socketFailed(error: unknown): void {
    if (this.#step !== 'open') return;
    this.#step = 'failed';
    this.#faults.tellOfSocket(error);
    this.#socket.destroy();
  }

  socketClosed(): void {
    this.#step = 'disconnected';
    this.#calls.run('clientDisconnected', () => this.#handlers.clientDisconnected?.(this.#context));
  }

  shutdown(): void {
    this.#socket.end();
    // Input is discarded from now on: unread, it would turn the close into a reset and cut the output.
    this.#socket.resume();
    if (this.#socket.writableFinished) this.#socket.destroy();
  }

  destroy(error: unknown): void {
    if (error === undefined || error === null) this.#socket.destroy();
    else this.#abort({ told: describe('handler', error), place: 'destroy' });
  }

  pauseInput(): void {
    this.#input.pause();
  }

  resumeInput(): void {
    this.#input.resume();
  }

  shutdownInput(): void {
    this.#input.shut();
    if (this.#socket.writableFinished) this.#socket.destroy();
  }

  inputChanged(): void {
    this.#input.wake();
  }

  get takesInput(): boolean {
    return this.#step === 'open' && !this.client.isShutdown && !this.#socket.destroyed;
  }

  deliver(record: unknown): boolean {
    try {
      const result: unknown = this.#handlers.clientInput?.(this.#context, record);
      return result !== undefined && this.#calls.follow('clientInput', result, this.#settled);
    } catch (error) {
      this.failed(error, 'clientInput');
      return false;
    }
  }

  refuse(error: unknown): boolean {
    return this.#faults.blame({ told: describe('read', error), place: 'inputFilter' }, (awaited) => {
      this.#shutdownOnError();
      if (awaited) this.#input.settled();
    });
  }

  giveUp(error: unknown): void {
    this.#abort({ told: describe('read', error), place: 'inputFilter' });
  }

  ended(): void {
    this.#faults.tell(END_OF_INPUT, () => {
      this.#shutdownOnError();
    });
  }

  readonly #settled = (): void => {
    this.#input.settled();
  };

  #flushed(): boolean {
    // Once all is flushed after a shutdown the socket is destroyed already; that flush is still told.
    const isCut = this.#socket.destroyed && !this.#socket.writableFinished;
    if (this.#step !== 'open' || isCut) return false;
    const flushed = (): unknown => this.#handlers.clientFlushed?.(this.#context);
    return this.#calls.run('clientFlushed', flushed, (_, awaited) => {
      if (awaited) this.#flush?.settled();
    });
  }

  #markWatch(): MarkWatch | undefined {
    const { highMark: high, lowMark: low } = this.#handlers;
    if (high === undefined || low === undefined) return undefined;
    return new MarkWatch({
      socket: this.#socket,
      marks: { high, low },
      crossed: (mark) => this.#crossed(mark),
    });
  }

  #crossed(mark: 'high' | 'low'): boolean {
    if (this.#step !== 'open' || this.#socket.destroyed) return false;
    const callback = mark === 'high' ? 'clientHigh' : 'clientLow';
    const crossed = (): unknown => this.#handlers[callback]?.(this.#context);
    return this.#calls.run(callback, crossed, (_, awaited) => {
      if (awaited) this.#marks?.settled();
    });
  }

  #shutdownOnError(): void {
    if (this.#handlers.clientShutdownOnError ?? true) this.client.shutdown();
  }

  // Comes back as the socket's error: `clientError` does not run inside the caller, which may be a handler.
  #abort(fault: Fault): void {
    const error = asError(fault.told.error);
    if (!this.#socket.destroyed) this.#faults.expect(fault, error);
    destroyStream(this.#socket, error);
  }
}
