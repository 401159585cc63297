// An inspector's session with another thread.
import { type Session } from 'node:inspector';
import { type Millis } from '../../common/core/types.ts';

/** What is used of the messages of a thread's inspector: answers have an `id`, notifications a `method`. */
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
  /** The session stands. */
  attached(send: Send): void;
  told(message: Told, send: Send): void;
  /** There can be no session: this build of Node has no inspector, a permission forbids it, this is no main thread. */
  failed(): void;
}

/** Ends a session, after these last commands where it stood. */
export type EndVisit = (last: readonly string[]) => void;

/** Opens an inspector's session with a thread, as a debugger does. */
export function visitThread(threadId: number, visitor: Visitor): EndVisit {
  let visit: Visit | undefined;
  let over = false;
  // Loaded for the first look: not every build has it.
  import('node:inspector')
    .then(({ Session }) => {
      if (over) return;
      visit = new Visit(new Session(), threadId, visitor);
      visit.begin();
    })
    .catch(() => {
      if (!over) visitor.failed();
    });
  return (last) => {
    over = true;
    visit?.end(last);
    visit = undefined;
  };
}

const LISTEN_EVERY: Millis = 5;

class Visit {
  readonly #session: Session;
  readonly #threadId: number;
  readonly #visitor: Visitor;
  // Node tells of a thread's messages in the midst of whatever JavaScript runs here, as an interrupt. There they are only
  // noted down: code in between does not expect ours, and a session that ends there takes the process with it.
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
    // Its title is the only place that has the thread's id.
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
    // Its own inspector wrote it.
    this.#visitor.told(JSON.parse(message) as Told, this.#send);
  }
}
