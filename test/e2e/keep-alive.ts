import { type Duplex } from 'node:stream';

/** An answer to one request. */
export interface Answer {
  readonly head: string;
  readonly status: number;
  readonly body: string;
  /** The worker that gave it. */
  readonly worker: number;
}

/** A client of HTTP/1 that keeps its one connection, and shows each byte that it is sent. */
export class KeepAlive {
  readonly socket: Duplex;
  readonly closed: Promise<void>;
  ended = false;
  error: unknown;
  #text = '';
  #heard: (() => void) | undefined;

  constructor(socket: Duplex) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      this.#heard?.();
    });
    socket.on('end', () => (this.ended = true));
    socket.on('error', (error) => (this.error = error));
    this.closed = new Promise((resolve) =>
      socket.once('close', () => {
        resolve();
        this.#heard?.();
      }),
    );
  }

  /** What has come and belongs to no answer yet. */
  get rest(): string {
    return this.#text;
  }

  /** Whether its connection is open both ways. */
  get open(): boolean {
    return !this.ended && !this.socket.destroyed;
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Sends a request without a body, and waits for its answer. */
  async get(path = '/', head = ''): Promise<Answer> {
    this.send(getOf(path, head));
    return this.answer();
  }

  /** The next answer; rejects when the connection ends before. `bodiless` for an answer to HEAD. */
  async answer({ bodiless = false }: { readonly bodiless?: boolean } = {}): Promise<Answer> {
    const head = await this.until(/^[^]*?\r\n\r\n/);
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
    const worker = Number(/x-worker: (\d+)/i.exec(head)?.[1]);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (/transfer-encoding: chunked/i.test(head)) {
      const body = await this.until(/^[^]*?0\r\n\r\n/);
      return { head, status, worker, body };
    }
    const body =
      bodiless || status < 200 || length === 0 ? '' : await this.until(new RegExp(`^[^]{${length}}`));
    return { head, status, worker, body };
  }

  /** Takes what matches from the start of what has come. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const [found] = pattern.exec(this.#text) ?? [];
      if (found !== undefined) {
        this.#text = this.#text.slice(found.length);
        return found;
      }
      if (!this.open) throw new Error(`ended before ${String(pattern)}: ${this.#text}`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
        this.socket.once('end', resolve);
      });
    }
  }
}

/** The text of a request without a body. */
export const getOf = (path: string, head = '', method = 'GET'): string =>
  `${method} ${path} HTTP/1.1\r\nHost: a\r\n${head}\r\n`;
