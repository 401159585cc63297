import { connect, type Socket } from 'node:net';
import { lastText, mayOvertake, textOf, type Exchange } from './exchange.ts';

/** What a client has seen of its connection. */
export interface ExchangeSaw {
  /** Without dates. */
  readonly text: string;
  readonly ended: boolean;
  readonly error: string | undefined;
  readonly hung: boolean;
}

const ECHOED = 'e'.repeat(1_000);

/** Plays a client's part of an exchange, to its close. */
export class HttpClient {
  readonly #socket: Socket;
  readonly #from: string;
  readonly #closed: Promise<unknown>;
  #text = '';
  #ended = false;
  #error: string | undefined;
  #hung = false;
  #waiting: (() => void) | undefined;

  constructor(port: number, from: string, limit: AbortSignal) {
    this.#from = from;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.#text += chunk;
      this.#waiting?.();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#waiting?.();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => (this.#error = error.code));
    this.#closed = new Promise((resolve) => socket.once('close', resolve));
    void this.#closed.then(() => this.#waiting?.());
    limit.addEventListener('abort', () => {
      if (socket.closed) return;
      this.#hung = true;
      socket.destroy();
    });
  }

  async play({ requests, last, pipelined, piece }: Exchange): Promise<ExchangeSaw> {
    const marks: string[] = [];
    for (const [number, request] of requests.entries()) {
      const { head, body, mark, continues } = textOf(request, number, this.#from);
      if (pipelined) await this.#send(head + body, piece);
      else {
        await this.#send(head, piece);
        if (continues) await this.#until('100 Continue');
        await this.#send(body, piece);
        await this.#until(mark);
      }
      marks.push(mark);
    }
    if (!mayOvertake(last)) for (const mark of marks) await this.#until(mark);
    await this.#send(lastText(last, this.#from), mayOvertake(last) ? piece : Infinity);
    if (last === 'upgrade') {
      await this.#until('101 Switching');
      await this.#send(ECHOED, piece);
      await this.#until(ECHOED);
      this.#socket.end();
    }
    await this.#over(() => this.#ended);
    if (!this.#socket.writableEnded) this.#socket.end();
    await this.#closed;
    const text = this.#text.replaceAll(/\r\nDate: [^\r]*/g, '');
    return { text, ended: this.#ended, error: this.#error, hung: this.#hung };
  }

  async #send(text: string, piece: number): Promise<void> {
    // Of very many pieces, each would take a turn.
    const step = Math.max(piece, Math.ceil(text.length / 60));
    for (let at = 0; at < text.length && this.#socket.writable; at += step) {
      this.#socket.write(text.slice(at, at + step), 'latin1');
      if (at + step < text.length) await new Promise(setImmediate);
    }
  }

  #until(mark: string): Promise<void> {
    return this.#over(() => this.#text.includes(mark) || this.#ended);
  }

  async #over(done: () => boolean): Promise<void> {
    while (!done() && !this.#socket.closed) await new Promise<void>((resolve) => (this.#waiting = resolve));
  }
}
