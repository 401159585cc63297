import { createServer } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import { hearOf, listener, options, upgrade } from './http-part.mjs';

hearOf(workerData.channel);
const server = createServer(options, listener).on('upgrade', upgrade);
server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));
