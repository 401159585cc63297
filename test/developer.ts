import * as inspector from 'node:inspector';
import { Session } from 'node:inspector';
import { vi } from 'vitest';

interface Told {
  readonly id?: number;
  readonly method?: string;
}

/** A developer whose debugger is attached to the threads of this process, as DevTools are. */
export class Developer {
  readonly #session = new Session();
  readonly #waitOnStart: boolean;
  // The threads by the numbers of Node, and what each one's inspector has told.
  readonly #sessions = new Map<number, string>();
  readonly #told = new Map<string, Told[]>();
  #lastId = 0;

  /** With `waitOnStart`, threads that start from now on wait until they are told to run. */
  constructor({ waitOnStart = false }: { readonly waitOnStart?: boolean } = {}) {
    this.#waitOnStart = waitOnStart;
    this.#session.connect();
    this.#session.on('NodeWorker.attachedToWorker', ({ params }) => {
      const thread = Number(/\[worker (\d+)\]/.exec(params.workerInfo.title)?.[1]);
      this.#sessions.set(thread, params.sessionId);
      this.#told.set(params.sessionId, []);
    });
    this.#session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      this.#told.get(params.sessionId)?.push(JSON.parse(params.message) as Told);
    });
    this.#session.post('NodeWorker.enable', { waitForDebuggerOnStart: this.#waitOnStart });
    // DevTools come by a port.
    inspector.open(0, '127.0.0.1');
  }

  /** Attaches to the thread; its breakpoints stop it from then on. */
  async attach(thread: number): Promise<void> {
    await vi.waitFor(() => this.#sessionOf(thread), { timeout: 20_000 });
    await this.send(thread, 'Debugger.enable');
  }

  /** Waits until the thread stands at a breakpoint. */
  async paused(thread: number): Promise<void> {
    await vi.waitFor(
      () => {
        if (this.count(thread, 'Debugger.paused') === 0) throw new Error('it does not stand');
      },
      { timeout: 20_000 },
    );
  }

  /** How often its inspector told of that. */
  count(thread: number, method: string): number {
    return this.#messages(thread).filter((told) => told.method === method).length;
  }

  async send(thread: number, method: string): Promise<void> {
    this.#lastId += 1;
    const id = this.#lastId;
    const message = JSON.stringify({ id, method });
    this.#session.post('NodeWorker.sendMessageToWorker', { sessionId: this.#sessionOf(thread), message });
    await vi.waitFor(
      () => {
        if (!this.#messages(thread).some((told) => told.id === id)) throw new Error('no answer');
      },
      { timeout: 20_000 },
    );
  }

  /** Goes away; in Node, threads that stand at its breakpoints stand there for ever. */
  leave(): void {
    this.#session.disconnect();
    inspector.close();
  }

  #sessionOf(thread: number): string {
    const session = this.#sessions.get(thread);
    if (session === undefined) throw new Error(`not attached to thread ${thread}`);
    return session;
  }

  #messages(thread: number): readonly Told[] {
    return this.#told.get(this.#sessionOf(thread)) ?? [];
  }
}
