/** The event `'leaving'` of responses, and the end of those that would keep their worker from leaving. Runs in a worker. */
import { type AsyncResource } from 'node:async_hooks';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type Server } from 'node:net';
import { type Duplex } from 'node:stream';
import { asError } from '../common/core/thrown.ts';
import { type Millis } from '../common/core/types.ts';

/** The event that tells a response that its worker is to leave. */
export const LEAVING = 'leaving';

/** Responses whose app has listened, and ends them by itself; a listener by `once` is gone when it was told. */
const attended = new WeakSet<ServerResponse>();

/** A listener has thrown or rejected. */
type Failed = (error: unknown) => void;

type Listener = (this: ServerResponse) => unknown;

/**
 * Tells a response, in the async context of its connection, that its worker is to leave: an answer that has no end by
 * itself, such as a stream of events, should end now. Listeners that are added later are told too. One that throws or
 * rejects is told to `failed` and ends its own connection, as any handler; the other listeners are told all the same.
 */
export function tellLeaving(response: ServerResponse, failed: Failed, scope?: AsyncResource): void {
  if (response.listenerCount(LEAVING) === 0) {
    tellLater(response, failed);
    return;
  }
  const tell = (): void => {
    tellLater(response, failed);
    // With their wrappers, by which those of `once` leave.
    for (const listener of response.rawListeners(LEAVING))
      void callFor(response, listener as Listener, failed);
  };
  const soon = (): unknown => setImmediate(tell);
  if (scope) scope.runInAsyncScope(soon);
  else soon();
}

function tellLater(response: ServerResponse, failed: Failed): void {
  response.on('newListener', (event, listener: Listener) => {
    if (event === LEAVING) setImmediate(() => void callFor(response, listener, failed));
  });
}

const isClosed = ({ closed }: ServerResponse): boolean => closed;

async function callFor(response: ServerResponse, listener: Listener, failed: Failed): Promise<void> {
  if (isClosed(response)) return;
  attended.add(response);
  try {
    await listener.call(response);
  } catch (error) {
    failed(error);
    // A response that it did not end would keep its worker from leaving.
    if (!isClosed(response)) response.destroy(asError(error));
  }
}

const EVENT_STREAM = /^content-type: *text\/event-stream/im;

// Only an EventSource comes back by itself. Other streams of this form, as the answers of a language model, have an end.
const comesBack = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && (headers.accept ?? '').includes('text/event-stream');

/** Whether it is a stream of events whose app does not end it by itself. Its client comes back when it is cut. */
export function isEndless(response: ServerResponse): boolean {
  if (!response.headersSent || isAttended(response) || !comesBack(response.req)) return false;
  // As it was sent: in HTTP/1, `getHeader()` does not know what was given to `writeHead()` alone.
  const head: unknown = Reflect.get(response, '_header');
  return EVENT_STREAM.test(
    typeof head === 'string' ? head : `content-type:${String(response.getHeader('content-type'))}`,
  );
}

const isAttended = (response: ServerResponse): boolean =>
  attended.has(response) || response.listenerCount(LEAVING) > 0;

/** Ends the answer, not its connection, once it is found to be endless; looks every `grace` until it is closed. */
export function endEndless(response: ServerResponse, grace: Millis): void {
  const timer = setInterval(() => {
    if (isEndless(response)) response.destroy();
  }, grace);
  response.once('close', () => {
    clearInterval(timer);
  });
}

const REFUSAL = 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/**
 * From now on the server refuses to upgrade a connection or to open a tunnel, whoever would have done so: these have no end
 * that HTTP knows, and their client gets another worker when it tries again. `pending`: the responses that the connection
 * of a request still owes to those before it; the refusal is sent after them.
 */
export function refuseUpgrades(
  server: Server,
  pending: (request: IncomingMessage) => ReadonlySet<ServerResponse> | undefined,
): void {
  const emit = server.emit.bind(server) as (event: string | symbol, ...given: unknown[]) => boolean;
  server.emit = (event: string | symbol, ...given: unknown[]): boolean => {
    if (event !== 'upgrade' && event !== 'connect') return emit(event, ...given);
    const [request, socket] = given;
    if (!isSocket(socket)) return emit(event, ...given);
    // Nobody else listens to it any more.
    socket.on('error', () => undefined);
    socket.resume();
    refuseAfter(pending(request as IncomingMessage), socket);
    return true;
  };
}

function refuseAfter(pending: ReadonlySet<ServerResponse> | undefined, socket: Duplex): void {
  const [first] = pending ?? [];
  if (first) {
    first.once('close', () => {
      refuseAfter(pending, socket);
    });
    return;
  }
  // An answer that said `Connection: close` has ended it.
  if (!socket.writableEnded && !socket.destroyed) socket.end(REFUSAL, () => socket.destroy());
}

// Of HTTP/2, `'connect'` brings a request and a response; what it refuses is the session, which says so itself.
const isSocket = (value: unknown): value is Duplex =>
  typeof value === 'object' && value !== null && 'destroy' in value && !('writeHead' in value);
