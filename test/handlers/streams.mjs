// Answers without an end, and upgrades, in the ways that an app may know of its worker's leaving; `argv` has options.
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { currentWorker, serveHttp } from 'forkless/http';

const paths = {
  // An app that knows nothing of workers.
  '/events': (response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
    response.once('close', () => parentPort.postMessage('closed'));
    // Told of its end by nothing but that; writes on meanwhile.
    const timer = setInterval(() => response.write('data: 2\n\n'), 20);
    response.once('close', () => clearInterval(timer));
  },
  '/finite': (response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    let number = 0;
    const timer = setInterval(() => {
      number += 1;
      response.write(`data: ${number}\n\n`);
      if (number < 20) return;
      clearInterval(timer);
      response.end();
    }, 30);
  },
  '/told': (response) => {
    response.writeHead(200).write('first ');
    response.on('leaving', () => response.end('told'));
  },
  '/told-late': (response) => {
    response.writeHead(200).write('first ');
    setTimeout(() => response.on('leaving', () => response.end('told')), 50);
  },
  '/signal': (response) => {
    response.writeHead(200).write('first ');
    const { signal } = currentWorker();
    const end = () => response.end('aborted');
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  },
  '/throws': (response) => {
    response.writeHead(200).write('first ');
    response.on('leaving', fail);
  },
  '/throws-late': (response) => {
    response.writeHead(200).write('first ');
    setTimeout(() => response.on('leaving', fail), 50);
  },
  '/rejects': (response) => {
    response.writeHead(200).write('first ');
    response.once('leaving', async () => fail());
    response.once('leaving', () => response.write('another '));
  },
  // An answer that takes its time, but ends.
  '/slow': (response) => {
    response.writeHead(200, { 'Content-Length': 11 }).write('first ');
    setTimeout(() => response.end('last\n'), 400);
  },
  // Ends by a listener that does not do so at once.
  '/ends-later': (response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
    response.once('leaving', async () => {
      await sleep(700);
      response.end('data: last\n\n');
    });
  },
};

function fail() {
  throw new Error('on purpose');
}

const before = currentWorker() === undefined;
const server = serveHttp(
  (request, response) => {
    const path = paths[request.url];
    if (path) path(response);
    else response.end(`worker ${currentWorker().id} ${before}`);
  },
  JSON.parse(process.argv[2] ?? '{}'),
);
const upgrade = (request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: mine\r\n\r\n');
  socket.on('data', (data) => socket.write(data)).on('end', () => socket.end());
};
server.on('upgrade', upgrade).on('connect', upgrade);
