import { afterEach, describe, expect, it } from 'vitest';
import { getOf, type KeepAlive } from './keep-alive.ts';
import { event } from './peers.ts';
import { RestRig } from './rest-rig.ts';

const rig = new RestRig();

afterEach(() => rig.end());

/** Requests of which a part has come, and the rest of them. */
const HALVES: readonly (readonly [name: string, first: string, rest: string, body: string])[] = [
  ['half a head', 'GET / HTTP/1.1\r\nHo', 'st: a\r\n\r\n', 'hello'],
  [
    'a head without its body',
    'POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n',
    'abcdef',
    '6 {}',
  ],
  ['half a body', 'POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc', 'def', '6 {}'],
  [
    'half a chunk, and trailers to come',
    'POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n6\r\nabc',
    'def\r\n0\r\nx-sum: 12\r\n\r\n',
    '6 {"x-sum":"12"}',
  ],
];

describe('a request that has begun', () => {
  describe.each(HALVES)('%s', (_name, first, rest, body) => {
    /** Two clients of one worker; the first has sent a part of its second request, which the worker has. */
    const begun = async (): Promise<{ one: KeepAlive; other: KeepAlive; worker: number }> => {
      await rig.serve({}, { startWorkers: 1, minWorkers: 1, maxWorkers: 1, threadHost: 'worker' });
      const [one, other] = [...(await rig.resting(2)).keys()] as [KeepAlive, KeepAlive];
      one.send(first);
      // An answer to a later request of another client: the worker has read all that came before.
      const { worker } = await other.get();
      return { one, other, worker };
    };

    it('is finished by a worker that leaves, and its connection goes on', async () => {
      const { one, other, worker } = await begun();
      const leaving = event(rig.server, 'workerRetiring');
      const ended = rig.exit(worker);
      rig.server.configure({ maxWorkers: 2 });
      rig.server.retire(worker);
      await leaving;
      // Until it goes to the next worker: the first is on its way out then.
      await rig.moved(other, worker);
      expect(await one.send(rest).answer()).toMatchObject({ worker, body, status: 200 });
      await ended;
      expect((await one.get()).worker).not.toBe(worker);
    });

    it('is cut off with a worker that ends', async () => {
      const { one, other } = await begun();
      other.send(getOf('/exit'));
      await Promise.all([one.closed, other.closed]);
      while (rig.server.status().connections.open > 0) await new Promise(setImmediate);
      expect(rig.server.status().connections.closes).toEqual({ 'worker-lost': 2 });
      expect([one.rest, other.rest]).toEqual(['', '']);
    });
  });

  it('and waits in a pipeline is answered in its turn, wherever', async () => {
    await rig.serve();
    const one = rig.client();
    const { worker } = await one.get();
    one.send(getOf('/until-leaving') + getOf('/') + getOf('/same') + getOf('/'));
    // Another client of that worker has its answer behind them.
    await rig.heard(worker);
    rig.server.retire(worker);
    const answers = [];
    for (let at = 0; at < 4; at += 1) answers.push(await one.answer());
    expect(answers.map(({ status, body }) => [status, body])).toEqual([
      [200, 'left'],
      [200, 'hello'],
      [304, ''],
      [200, 'hello'],
    ]);
    expect((await rig.moved(one, worker)).body).toBe('hello');
  });

  it('whose body waits for 100 Continue gets it, and is finished by a worker that leaves', async () => {
    await rig.serve();
    const one = rig.client();
    const { worker } = await one.get();
    one.send('POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
    expect((await one.answer()).status).toBe(100);
    rig.server.retire(worker);
    expect(await one.send('abc').answer()).toMatchObject({ worker, body: '3 {}' });
    expect((await rig.moved(one, worker)).body).toBe('hello');
  });

  it('behind one that the app told its server of twice is not cut in two', async () => {
    await rig.serve({}, { argv: ['checks'] });
    const one = rig.client();
    const { worker } = await one.get();
    one.send('POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
    expect((await one.answer()).status).toBe(100);
    expect((await one.send('abcGET / HT').answer()).body).toBe('3 {}');
    rig.server.retire(worker);
    await rig.heard(worker === 1 ? 2 : 1);
    expect(await one.send('TP/1.1\r\nHost: a\r\n\r\n').answer()).toMatchObject({ status: 200, worker });
    expect((await rig.moved(one, worker)).body).toBe('hello');
  });

  it('and is aborted in its body leaves nothing behind', async () => {
    await rig.serve();
    const one = rig.client();
    const { worker } = await one.get();
    const posted = event(rig.server, 'workerMessage');
    one.send('POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nabc');
    await posted;
    const ended = rig.exit(worker);
    rig.server.retire(worker);
    one.socket.destroy();
    expect(await ended).toMatchObject({ reason: 'left' });
    expect(rig.server.status().connections.open).toBe(0);
  });

  it('and is answered before its body has come: the connection goes on behind the body', async () => {
    await rig.serve({ idleGrace: 50 });
    const one = rig.client();
    const posted = event(rig.server, 'workerMessage');
    one.send('POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
    await posted;
    const { worker, body } = await one.answer();
    expect(body).toBe('early');
    one.send('def');
    // Another client of that worker has its answer behind it.
    await rig.heard(worker);
    await rig.leave(worker);
    expect((await one.get()).worker).not.toBe(worker);
  });
});

describe('between two requests', () => {
  it.each([
    ['HEAD', getOf('/', '', 'HEAD'), { bodiless: true }],
    ['an answer without a body', getOf('/same'), {}],
    ['HTTP/1.0 with keep-alive', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', {}],
    ['a body', 'POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc', {}],
    [
      'a body and a stray end of line',
      'POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\r\n',
      {},
    ],
  ])('%s: the connection rests behind it', async (_name, request, how) => {
    await rig.serve();
    const one = rig.client();
    const { worker } = await one.send(request).answer(how);
    await rig.leave(worker);
    const second = await one.send(request).answer(how);
    expect(second.worker).not.toBe(worker);
    await rig.leave(second.worker);
    expect((await one.get()).body).toBe('hello');
    expect(one.rest).toBe('');
  });

  it('`Connection: close` closes the connection behind the answer', async () => {
    await rig.serve();
    const one = rig.client();
    expect((await one.get('/', 'Connection: close\r\n')).head).toMatch(/connection: close/i);
    await one.closed;
    expect(one.error).toBeUndefined();
  });

  it('a client that ends its side is closed, at a worker and without one', async () => {
    await rig.serve();
    const [one, other] = [rig.client(), rig.client()];
    const { worker } = await one.get();
    one.socket.end();
    await one.closed;
    await rig.leave(worker);
    const { worker: next } = await other.get();
    await rig.leave(next);
    const reason = rig.reason();
    other.socket.end();
    await other.closed;
    expect(await reason).toBe('ended');
    expect([one.error, other.error]).toEqual([undefined, undefined]);
  });

  it('a request and the end of the client together, without a worker, are answered', async () => {
    await rig.serve();
    const one = rig.client();
    const { worker } = await one.get();
    await rig.leave(worker);
    one.send(getOf('/'));
    one.socket.end();
    expect((await one.answer()).body).toBe('hello');
    await one.closed;
  });
});
