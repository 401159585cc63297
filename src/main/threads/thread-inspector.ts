// An inspector's session with another thread.
import { type Session } from 'node:inspector';
import { type Millis } from '../../common/core/types.ts';

/** The part of an inspector's messages that is used here. Answers have an `id`, notifications a `method`. */
export interface Told {
  readonly id?: number;
  readonly method?: string;
  readonly params: {
    readonly scriptId: string;
    readonly url: string;
    readonly callFrames: readonly {
      readonly functionName: string;
      readonly location: {
        readonly scriptId: string;
        readonly lineNumber: number;
        readonly columnNumber?: number;
      };
    }[];
  };
}

/** Sends a command, and returns the id of its answer. */
export type Send = (method: string) => number;

export interface Visitor {
  /** The session is open. */
  attached(send: Send): void;
  told(message: Told, send: Send): void;
  /**
   * There can be no session: Node was built without an inspector, a permission forbids it, or this is no main thread.
   */
  failed(): void;
}

/** Ends a session. If it was open, these last commands are sent first. */
export type EndVisit = (last: readonly string[]) => void;

/** Opens an inspector's session with a thread, as a debugger does. */
export function visitThread(threadId: number, visitor: Visitor): EndVisit {
  let visit: Visit | undefined;
  let ended = false;
  // This module is loaded for the first look, since not every build of Node has it.
  import('node:inspector')
    .then(({ Session }) => {
      if (ended) return;
      visit = new Visit(new Session(), threadId, visitor);
      visit.begin();
    })
    .catch(() => {
      if (!ended) visitor.failed();
    });
  return (last) => {
    ended = true;
    visit?.end(last);
    visit = undefined;
  };
}

const LISTEN_EVERY: Millis = 5;

class Visit {
  readonly #session: Session;
  readonly #threadId: number;
  readonly #visitor: Visitor;
  // Node tells a thread's messages as an interrupt, in the midst of any JavaScript that runs here. They are only noted
  // down then: the interrupted code does not expect ours, and a session that ends there takes the process with it.
  readonly #heard: (() => void)[] = [];
  #listening: NodeJS.Timeout | undefined;
  #sessionId: string | undefined;
  #lastId = 0;

  constructor(session: Session, threadId: number, visitor: Visitor) {
    this.#session = session;
    this.#threadId = threadId;
    this.#visitor = visitor;
  }

  begin(): void {
    const session = this.#session;
    session.connect();
    session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
      this.#heard.push(() => {
        this.#attached(sessionId, workerInfo.title);
      });
    });
    session.on('NodeWorker.receivedMessageFromWorker', ({ params: { sessionId, message } }) => {
      this.#heard.push(() => {
        this.#received(sessionId, message);
      });
    });
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false }, (error) => {
      if (error)
        this.#heard.push(() => {
          this.#visitor.failed();
        });
    });
    this.#listening = setInterval(() => {
      for (let next = this.#heard.shift(); next; next = this.#heard.shift()) next();
    }, LISTEN_EVERY).unref();
  }

  end(last: readonly string[]): void {
    clearInterval(this.#listening);
    if (this.#sessionId !== undefined) for (const method of last) this.#send(method);
    this.#session.disconnect();
    this.#heard.length = 0;
  }

  #attached(sessionId: string, title: string): void {
    // The id of the thread is in the title only.
    if (!title.startsWith(`[worker ${this.#threadId}]`)) return;
    this.#sessionId = sessionId;
    this.#visitor.attached(this.#send);
  }

  readonly #send: Send = (method) => {
    this.#lastId += 1;
    const message = JSON.stringify({ id: this.#lastId, method });
    this.#session.post('NodeWorker.sendMessageToWorker', { sessionId: this.#sessionId ?? '', message });
    return this.#lastId;
  };

  #received(sessionId: string, message: string): void {
    if (sessionId !== this.#sessionId) return;
    // Node's own inspector wrote the message.
    this.#visitor.told(JSON.parse(message) as Told, this.#send);
  }
}
