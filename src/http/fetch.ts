/** Serves a handler of the Fetch standard by a request listener of Node. Runs in a worker. */
import { STATUS_CODES, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { warn } from '../worker/runtime/warnings.ts';

/** A handler in the terms of the Fetch standard. */
export type FetchHandler = (request: Request) => Response | PromiseLike<Response>;

function urlOf(request: IncomingMessage): string {
  const scheme = 'encrypted' in request.socket ? 'https' : 'http';
  // Of HTTP/2; a request without any is allowed in HTTP/1.0 only.
  const authority = request.headers[':authority'] ?? request.headers.host ?? 'localhost';
  const origin = new URL(`${scheme}://${String(authority)}`).origin;
  const { url = '/' } = request;
  // Not as a reference to resolve: `//admin/x` would be the path `/x` of another host.
  return new URL(url.startsWith('/') ? origin + url : url, origin).href;
}

function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    // Headers of HTTP/2 that begin with a colon are none for Fetch.
    if (value === undefined || name.startsWith(':')) continue;
    for (const each of Array.isArray(value) ? value : [value]) headers.append(name, each);
  }
  return headers;
}

function requestOf(request: IncomingMessage, response: ServerResponse): Request {
  const { method = 'GET' } = request;
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  const hasBody = method !== 'GET' && method !== 'HEAD';
  return new Request(urlOf(request), {
    method,
    headers: headersOf(request),
    signal: gone.signal,
    ...(hasBody && { body: Readable.toWeb(request) as globalThis.ReadableStream, duplex: 'half' }),
  });
}

async function send(answer: Response, response: ServerResponse): Promise<void> {
  response.statusCode = answer.status;
  for (const [name, value] of answer.headers) if (name !== 'set-cookie') response.setHeader(name, value);
  const cookies = answer.headers.getSetCookie();
  if (cookies.length > 0) response.setHeader('set-cookie', cookies);
  if (answer.body === null) response.end();
  else await pipeline(Readable.fromWeb(answer.body), response);
}

/**
 * A request listener that runs a Fetch handler. A throw or rejection is answered with 500 where nothing was sent yet,
 * and surfaces as the process's `'warning'`, ten a second at most: the connection is no worse for it, and neither is the worker.
 */
export function fetchListener(fetch: FetchHandler): RequestListener {
  return (request, response) => {
    void answerBy(fetch, request, response);
  };
}

async function answerBy(
  fetch: FetchHandler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const asked = understood(request, response);
  if (asked === undefined) {
    plain(response, 400);
    return;
  }
  try {
    await send(await fetch(asked), response);
  } catch (error) {
    // The peer has left: nobody to answer, and nothing the handler did wrong.
    if (response.destroyed) return;
    warn(error, 'Warning');
    if (response.headersSent) response.destroy();
    else plain(response, 500);
  }
}

// What Fetch has no request for (a host that is none, TRACE) is its sender's mistake, and no news for the process.
function understood(request: IncomingMessage, response: ServerResponse): Request | undefined {
  try {
    return requestOf(request, response);
  } catch {
    return undefined;
  }
}

function plain(response: ServerResponse, status: 400 | 500): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(STATUS_CODES[status]);
}
