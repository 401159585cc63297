import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Stream } from 'node:http2';
import { currentWorker } from 'forkless/http';
import { type Prefork } from 'forkless';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TRANSPORTS, type Transport } from '../transports.ts';
import { event, Peer, started, textOf } from './peers.ts';

let transport: Transport = 'relay';
let server: Prefork;
let port: number;

// Longer than a test may take: nothing here is ended by it.
const graceTime = 60_000;

async function serving(http: object = {}): Promise<void> {
  ({ server, port } = await started('streams', {
    // What a worker does with connections that end with it.
    argv: [JSON.stringify({ rest: false, idleGrace: 500, ...http })],
    transport,
    startWorkers: 1,
    masterHeartbeat: 2_000,
    workerHeartbeat: 500,
    graceTime,
  }));
}

afterEach(async () => {
  await server.close({ grace: 0 });
});

const head = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const ACCEPT = 'Accept: text/event-stream\r\n';
const UPGRADE = head('/', 'Connection: Upgrade\r\nUpgrade: mine\r\n');
const REFUSED = /^HTTP\/1\.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n$/;

/** An answer that has begun, or with no pattern a connection that its worker has. */
async function begun(text = '', pattern?: RegExp): Promise<Peer> {
  const has = pattern ? undefined : event(server, 'connection');
  const peer = new Peer(port).send(text);
  await (pattern ? peer.until(pattern) : has);
  return peer;
}

/** The first worker is asked to leave; resolves when it is known to have heard of it. */
async function leaves(): Promise<void> {
  const told = await begun(head('/signal'), /first/);
  server.retire(1);
  await told.until(/aborted/);
}

const left = (): Promise<unknown> => event(server, 'workerExited');

describe.each(TRANSPORTS)('by %s, a worker that is to leave', (by) => {
  beforeEach(() => {
    transport = by;
  });

  it('is found by an app that is given no worker, and by nobody elsewhere', async () => {
    await serving();
    const peer = new Peer(port).send(head('/', 'Connection: close\r\n'));
    await peer.closed;
    expect(peer.text).toMatch(/worker 1 true/);
    expect(currentWorker()).toBeUndefined();
  });

  it.each([
    ['/told', /first [^]*told[^]*0\r\n\r\n$/],
    ['/signal', /first [^]*aborted[^]*0\r\n\r\n$/],
  ])('is told to an answer without an end (%s)', async (path, end) => {
    await serving();
    const peer = await begun(head(path), /first/);
    const exited = left();
    server.retire(1);
    await peer.closed;
    expect(peer.text).toMatch(end);
    expect(await exited).toMatchObject({ reason: 'left' });
  });

  it.each(['/told', '/told-late', '/signal'])('is told to one that comes afterwards (%s)', async (path) => {
    await serving();
    const peer = await begun();
    const exited = left();
    await leaves();
    peer.send(head(path));
    await peer.closed;
    expect(peer.text).toMatch(/Connection: close[^]*first[^]*(told|aborted)/);
    expect(await exited).toMatchObject({ reason: 'left' });
  });

  it.each([true, false])(
    'cuts a stream of events whose app knows nothing of it (begun before: %s)',
    async (before) => {
      await serving({ idleGrace: 300 });
      const peer = before ? await begun(head('/events', ACCEPT), /data/) : await begun();
      const exited = left();
      const closed = event(server, 'workerMessage');
      await leaves();
      if (!before) peer.send(head('/events', ACCEPT));
      await peer.closed;
      expect(peer.text).toMatch(/data: 2/);
      expect(peer.error).toBeUndefined();
      expect(await closed).toMatchObject({ message: 'closed' });
      expect(await exited).toMatchObject({ reason: 'left' });
    },
  );

  it.each(['Upgrade', 'CONNECT'])('refuses a late %s', async (what) => {
    await serving();
    const peer = await begun();
    const exited = left();
    await leaves();
    peer.send(what === 'CONNECT' ? 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n' : UPGRADE);
    await peer.closed;
    expect(peer.text).toMatch(REFUSED);
    expect(await exited).toMatchObject({ reason: 'left' });
  });

  it('keeps what was upgraded before', async () => {
    await serving({ idleGrace: 50 });
    const peer = await begun(UPGRADE, /101/);
    const exited = left();
    await leaves();
    // Longer than an idle connection is kept.
    const idle = await begun(head('/'), /worker/);
    idle.socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await peer.send('still').until(/still/);
    peer.socket.end();
    expect(await exited).toMatchObject({ reason: 'left' });
  });

  it.each(['/throws', '/rejects'])(
    'ends the connection of a listener that fails, tells of it, and disturbs no other (%s)',
    async (path) => {
      await serving();
      const failed = event(server, 'handlerError');
      const fails = await begun(head(path), /first/);
      const told = await begun(head('/told'), /first/);
      const exited = left();
      server.retire(1);
      await Promise.all([fails.closed, told.closed]);
      expect(fails.text).not.toMatch(/0\r\n\r\n$/);
      if (path === '/rejects') expect(fails.text).toMatch(/another/);
      expect(told.text).toMatch(/told/);
      expect(await failed).toMatchObject({
        worker: 1,
        connection: expect.any(Number) as number,
        callback: 'leaving',
        error: { message: 'on purpose' },
      });
      expect(await exited).toMatchObject({ reason: 'left' });
    },
  );

  it('tells of a listener that fails and came afterwards', async () => {
    await serving();
    const peer = await begun();
    const exited = left();
    const failed = event(server, 'handlerError');
    await leaves();
    peer.send(head('/throws-late'));
    await peer.closed;
    expect(await failed).toMatchObject({ callback: 'leaving', error: { message: 'on purpose' } });
    expect(await exited).toMatchObject({ reason: 'left' });
  });

  it('lets a stream of events end by a listener that takes its time', async () => {
    await serving({ idleGrace: 100 });
    const peer = await begun(head('/ends-later', ACCEPT), /data: 1/);
    const exited = left();
    server.retire(1);
    await peer.closed;
    expect(peer.text).toMatch(/data: last\n/);
    expect(await exited).toMatchObject({ reason: 'left' });
  });

  it('answers a request in full before it refuses an upgrade that came behind it', async () => {
    await serving();
    const after = await begun();
    const before = await begun(head('/slow'), /first/);
    const exited = left();
    await leaves();
    before.send(UPGRADE);
    after.send(head('/slow') + UPGRADE);
    await Promise.all([before.closed, after.closed]);
    // This answer has not said that it is the last.
    expect(before.text).toMatch(/^HTTP\/1.1 200 [^]*first last\nHTTP\/1.1 503 [^]*\r\n\r\n$/);
    expect(after.text).toMatch(/Connection: close[^]*first last\n$/);
    expect(await exited).toMatchObject({ reason: 'left' });
  });

  it('lets a stream of events end by itself that no EventSource has asked for', async () => {
    await serving({ idleGrace: 100 });
    const request = head('/finite', `${ACCEPT}Connection: close\r\n`).replace('GET', 'POST');
    const peer = await begun(request, /data: 1/);
    const exited = left();
    server.retire(1);
    await peer.closed;
    expect(peer.text).toMatch(/data: 20\n/);
    expect(await exited).toMatchObject({ reason: 'left' });
  });

  it.each([
    ['/told', /first told/],
    ['/events', /data: 2/],
  ])('ends streams of HTTP/2 (%s)', async (path, end) => {
    await serving({ http2: true, idleGrace: 300 });
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on('error', () => undefined);
    const stream: ClientHttp2Stream = session.request({ ':path': path, accept: 'text/event-stream' });
    stream.on('error', () => undefined);
    await once(stream, 'response');
    const text = textOf(stream).catch(() => path);
    const exited = left();
    const goaway = once(session, 'goaway');
    server.retire(1);
    await goaway;
    expect(await exited).toMatchObject({ reason: 'left' });
    if (path === '/told') expect(await text).toMatch(end);
    session.destroy();
  });
});
