// The side to compare with: Node's own server in a thread of its own.
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';
import { hearOf, play } from './part.mjs';

const { channel, allowHalfOpen, tls } = workerData;
hearOf(channel);
const server = tls ? createTlsServer({ ...tls, allowHalfOpen }, play) : createServer({ allowHalfOpen }, play);
server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));
