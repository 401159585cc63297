// A unit test of worker.js, without threads and without a port: node --test examples/unit-test
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { testPrefork } from 'forkless/testing';

let server;

beforeEach(async () => {
  server = testPrefork({
    worker: new URL('./worker.js', import.meta.url),
    workers: 2,
    maxLifetime: 600_000,
  });
  await server.start();
});

// Also fails when a worker has left something behind.
afterEach(() => server.end());

function connect() {
  const client = server.connect().setEncoding('utf8');
  client.on('data', (text) => (client.said = `${client.said ?? ''}${text}`));
  return client;
}

test('says whether the number is more or less', async () => {
  const client = connect();
  client.write('1\n9\n2\n');
  await server.settled();
  assert.equal(client.said, 'Guess a number from 1 to 10.\r\nmore\r\nless\r\nyes, after 3\r\n');
  assert.equal(server.status().connections.open, 0);
});

test('a game goes on while its worker grows old, and for as long as it has grace', async () => {
  const client = connect();
  client.write('1\n');
  await server.advance(600_000);
  assert.equal(server.status().counts.draining, 1);
  client.write('2\n');
  await server.settled();
  assert.match(client.said, /yes, after 2/);
  assert.equal(server.status().counts.draining, 0);
});

test('a game whose worker hangs ends, and others can be played meanwhile', async () => {
  const stuck = connect();
  await server.settled();
  server.workers[0].hang();
  const other = connect();
  other.write('3\n');
  await server.settled();
  assert.match(other.said, /yes, after 1/);
  await server.advance(120_000);
  assert.equal(stuck.readableEnded, true);
});
