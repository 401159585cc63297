/** Whether an HTTP/1 connection is between two requests. Runs in a worker. */
import { createServer } from 'node:http';
import { Duplex } from 'node:stream';

const BEGUN: unique symbol = Symbol('forkless.begun');

interface Counted {
  [BEGUN]?: number;
}

interface Parser {
  socket?: Counted | null;
  [callback: number]: unknown;
}

// Node gives its parser a callback for each step of a message. It leaves that for the first byte of a message free.
const ON_MESSAGE_BEGIN = 0;

// One function for all parsers, which Node uses again for other connections.
function begun(this: Parser): void {
  if (this.socket) this.socket[BEGUN] = (this.socket[BEGUN] ?? 0) + 1;
}

const isParser = (value: unknown): value is Parser => typeof value === 'object' && value !== null;

/** The parser that Node reads requests of this socket with; none after an upgrade. */
const parserOf = (socket: object): Parser | undefined => {
  const parser: unknown = 'parser' in socket ? socket.parser : undefined;
  return isParser(parser) ? parser : undefined;
};

/** Counts the requests whose first byte has come, from now on. False: this cannot be done with this socket. */
export function countRequests(socket: object): boolean {
  const parser = parserOf(socket);
  if (parser === undefined || !canCount()) return false;
  return install(parser, socket);
}

function install(parser: Parser, socket: Counted): boolean {
  if (parser.socket !== socket) return false;
  parser[ON_MESSAGE_BEGIN] = begun;
  socket[BEGUN] = 0;
  return true;
}

/**
 * Whether exactly so many requests of a counted socket have begun: then what has come of it belongs to these alone, and no part
 * of a further one waits in the parser.
 */
export const hasBegun = (socket: object & Counted, requests: number): boolean =>
  parserOf(socket) !== undefined && socket[BEGUN] === requests;

let known: boolean | undefined;

// The callback is documented nowhere. Where a Node uses it in another way, no connection rests.
const canCount = (): boolean => (known ??= counts());

function counts(): boolean {
  const server = createServer();
  const socket: Duplex & Counted = new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  let requests = 0;
  server.on('request', () => (requests += 1));
  socket.on('error', () => undefined);
  try {
    server.emit('connection', socket);
    const parser = parserOf(socket);
    if (parser === undefined || !install(parser, socket)) return false;
    socket.emit('data', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
    const whole = hasBegun(socket, 1) && requests === 1;
    socket.emit('data', Buffer.from('GE'));
    return whole && hasBegun(socket, 2) && requests === 1;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
