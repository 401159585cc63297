// Leaves with the work that its line names still under way; what is done of it is a word in the file RECORD.
import { exec } from 'node:child_process';
import { pbkdf2 } from 'node:crypto';
import { lookup } from 'node:dns';
import { appendFileSync, createWriteStream, writeFile } from 'node:fs';
import { createServer, connect } from 'node:net';
import { pipeline } from 'node:stream';
import { createGzip, gzip } from 'node:zlib';
import { serve } from 'forkless/worker';

const { RECORD, LOG } = process.env;
const record = (word) => appendFileSync(RECORD, `${word}\n`);
const done = () => record('done');

const WORK = {
  nothing: done,
  'log file': () => {
    const log = createWriteStream(LOG);
    for (let line = 0; line < 2_000; line++) log.write(`${line} ${'x'.repeat(200)}\n`);
    log.end(done);
  },
  'compressed log file': () => {
    const gzipped = createGzip();
    pipeline(gzipped, createWriteStream(LOG), done);
    for (let line = 0; line < 2_000; line++) gzipped.write(`${line} ${Math.random()}\n`);
    gzipped.end();
  },
  'one long compression': () => gzip(Buffer.alloc(30_000_000, 'ab'), done),
  'one long hash': () => pbkdf2('secret', 'salt', 200_000, 64, 'sha512', done),
  lookup: () => lookup('localhost', done),
  child: () => exec('sleep 0.1', done),
  'connection of its own': () => {
    const server = createServer((socket) => setTimeout(() => socket.end('late'), 100));
    server.listen(0, '127.0.0.1', () => {
      connect(server.address().port, '127.0.0.1')
        .on('data', done)
        .on('end', () => server.close());
    });
  },
  'an interval': () => {
    setInterval(() => undefined, 1_000);
    done();
  },
  'an interval and a log file': () => {
    WORK['an interval']();
    WORK['log file']();
  },
  'a server': () => {
    createServer().listen(0, '127.0.0.1', done);
  },
  'a channel': () => {
    new BroadcastChannel('leaves').onmessage = () => undefined;
    done();
  },
  'an idle connection': () => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => connect(server.address().port, '127.0.0.1', done));
  },
  'a crash': () => {
    setTimeout(() => {
      throw new RangeError('thrown while it leaves');
    }, 20);
    WORK['one long hash']();
  },
  'a flush at the end': () => process.once('beforeExit', () => writeFile(LOG, 'flushed\n', done)),
  'a flush at the end, beside an interval': () => {
    setInterval(() => undefined, 1_000);
    WORK['a flush at the end']();
  },
  output: () => {
    for (let line = 0; line < 2_000; line++) console.log(`${line} ${'x'.repeat(200)}`);
    process.stderr.write('last words\n');
  },
};

process.on('beforeExit', () => record('before exit'));
process.on('exit', (code) => record(`exit ${code}`));

let work;
serve({
  clientInput: ({ client, worker }, line) => {
    work = WORK[line];
    client.shutdown();
    worker.retire();
  },
  // Begun at the last moment there is, and not waited for.
  workerStopping: () => void work(),
});
