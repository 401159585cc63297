// What the peers serve over HTTP: 2 ms of work, then the path as the body.
import { createServer } from 'node:http';
import { handle } from './app.mjs';

const KEEP_ALIVE = 5;

/** @type {import('node:http').RequestListener} */
export function serveRequest({ url = '' }, response) {
  for (let halves = 0; halves < 4; halves += 1) handle('w');
  // Without a date each reply is known beforehand, to the byte.
  response.sendDate = false;
  response.writeHead(200, { 'content-length': url.length }).end(url);
}

export function httpServer() {
  const server = createServer(serveRequest);
  server.keepAliveTimeout = KEEP_ALIVE * 1_000;
  return server;
}

/** @param {string} path */
export const httpRequest = (path) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`, 'latin1');

/** @param {string} path */
export function httpReply(path) {
  const fields = ['Connection: keep-alive', `Keep-Alive: timeout=${KEEP_ALIVE}`];
  const head = ['HTTP/1.1 200 OK', `content-length: ${path.length}`, ...fields, '', ''];
  return Buffer.from(`${head.join('\r\n')}${path}`, 'latin1');
}
