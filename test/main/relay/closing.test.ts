import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { hasLeft } from '../../../src/main/relay/write-through.ts';
import { LANES, collect, MOVES, nextTurn, Rig, withCode, type Move, type Peer } from '../../both-ends/rig.ts';
import { tries } from '../../effort.ts';

describe.each(LANES)('over the %s lane', (lane) => {
  const LINGER = 30_000;
  const AFTER_FLUSH = 2_000;

  /** All is over on both sides, told once each. */
  function expectOver(rig: Rig, id: number, reason: string, error?: string): void {
    expect(rig.over.map((end) => [end.connection.id, end.reason, end.error])).toEqual([[id, reason, error]]);
    expect([rig.claimed, rig.released, rig.workerOver]).toEqual([[id], [id], [id]]);
    expect([rig.hub.open, rig.relay.open, rig.clock.armed]).toEqual([0, 0, 0]);
    expect(rig.over[0]).toMatchObject({ state: 'closed' });
  }

  describe('half-close', () => {
    it('of the peer: the worker may still write', async () => {
      const rig = new Rig({ lane });
      const { client, socket, id } = await rig.serve();
      const taken = collect(client);
      client.end('question');
      await rig.settle();
      expect([socket.readableEnded, socket.writable, socket.readyState]).toEqual([true, true, 'writeOnly']);
      socket.write('long ');
      await rig.settle();
      socket.end('answer');
      await rig.settle();
      expect(taken().toString()).toBe('long answer');
      expectOver(rig, id, 'ended');
    });

    it('of the worker: the peer may still write', async () => {
      const rig = new Rig({ lane });
      const { client, socket, id } = await rig.serve();
      const taken = collect(client);
      socket.end('greeting');
      await rig.settle();
      expect([client.readableEnded, client.writable, socket.readyState]).toEqual([true, true, 'readOnly']);
      client.write('thank ');
      await rig.settle();
      client.end('you');
      await rig.settle();
      expect([taken().toString(), rig.bytesAt(id).toString()]).toEqual(['greeting', 'thank you']);
      expectOver(rig, id, 'ended');
    });

    it('of the peer ends the worker’s side too without allowHalfOpen', async () => {
      const rig = new Rig({ lane, allowHalfOpen: false });
      const { client, id } = await rig.serve();
      client.resume();
      client.end('bye');
      await rig.settle();
      expect([client.readableEnded, rig.bytesAt(id).toString()]).toEqual([true, 'bye']);
      expectOver(rig, id, 'ended');
    });
  });

  describe('a reset', () => {
    it.each([
      ['ECONNRESET', 'read'],
      ['ETIMEDOUT', 'read'],
      ['EPIPE', 'write'],
    ])('of the peer reaches the worker as %s', async (code, syscall) => {
      const rig = new Rig({ lane });
      const { stream, socket, id } = await rig.serve();
      const closed = once(socket, 'close').catch(() => []);
      stream.destroy(withCode(code));
      await rig.settle();
      await closed;
      expect(rig.socketErrors).toEqual([expect.objectContaining({ code, syscall })]);
      expect(socket.destroyed).toBe(true);
      expectOver(rig, id, 'peer-error', code);
    });

    it('of the peer reaches a worker that waits for credit and does not read', async () => {
      const rig = new Rig({ lane, window: 100, connected: () => undefined });
      const { client, stream, socket, id } = await rig.serve(10);
      client.write(Buffer.alloc(500));
      const written = vi.fn();
      socket.write(Buffer.alloc(500), written);
      await rig.settle();
      expect(written).not.toHaveBeenCalled();
      stream.destroy(withCode('ECONNRESET'));
      await rig.settle();
      expect(rig.socketErrors).toEqual([expect.objectContaining({ code: 'ECONNRESET' })]);
      expect(written.mock.calls).toEqual([[expect.objectContaining({ code: 'ECONNRESET' })]]);
      expectOver(rig, id, 'peer-error', 'ECONNRESET');
    });

    it('of the worker resets the stream', async () => {
      const rig = new Rig({ lane });
      const { stream, socket, id } = await rig.serve();
      const reset = vi.fn(() => {
        stream.destroy();
      });
      stream.resetAndDestroy = reset;
      socket.resetAndDestroy();
      socket.resetAndDestroy();
      await rig.settle();
      expect(reset).toHaveBeenCalledTimes(1);
      expectOver(rig, id, 'reset');
    });

    it('of the worker closes a stream that is no TCP socket', async () => {
      const rig = new Rig({ lane });
      const { stream, socket, id } = await rig.serve();
      socket.resetAndDestroy();
      await rig.settle();
      expect(stream.destroyed).toBe(true);
      expectOver(rig, id, 'reset');
    });

    it('of both at once is one end', async () => {
      const rig = new Rig({ lane });
      const { stream, socket, id } = await rig.serve();
      socket.resetAndDestroy();
      stream.destroy(withCode('ECONNRESET'));
      await rig.settle();
      expect(rig.socketErrors).toEqual([]);
      expectOver(rig, id, 'peer-error', 'ECONNRESET');
    });
  });

  describe('a close', () => {
    it('of the worker with an error names it, and delivers what was sent', async () => {
      const rig = new Rig({ lane });
      const { client, socket, id } = await rig.serve();
      const taken = collect(client);
      socket.write('half a');
      socket.destroy(withCode('EHANDLER'));
      client.end();
      await rig.settle();
      expect(taken().toString()).toBe('half a');
      expectOver(rig, id, 'handler-error', 'EHANDLER');
    });

    it('of the worker while credit is outstanding delivers what left it', async () => {
      const rig = new Rig({ lane, window: 1000 });
      const { client, socket, id } = await rig.serve(10);
      socket.write(Buffer.alloc(5000, 1));
      await rig.settle();
      socket.destroy();
      await rig.settle();
      const taken = collect(client);
      client.end();
      await rig.settle();
      expect(taken().length).toBeGreaterThanOrEqual(1000);
      expect(taken().length).toBeLessThan(5000);
      expectOver(rig, id, 'output-dropped');
    });

    it('of the worker while its credit is on the way is not disturbed by it', async () => {
      const rig = new Rig({ lane, window: 100 });
      const { client, socket, id } = await rig.serve();
      client.write(Buffer.alloc(400));
      await rig.settle(['mainTurn', 'toWorker']);
      socket.destroy();
      client.resume();
      client.end(Buffer.alloc(400));
      await rig.settle();
      expectOver(rig, id, 'ended');
    });

    it('of the stream with no error lets the worker read what came before', async () => {
      const rig = new Rig({ lane });
      const { client, stream, socket, id } = await rig.serve();
      socket.pause();
      client.write('rest');
      await rig.settle();
      stream.destroy();
      await rig.settle();
      expect([socket.destroyed, rig.over]).toEqual([false, []]);
      socket.resume();
      await rig.settle();
      expect(rig.bytesAt(id).toString()).toBe('rest');
      expectOver(rig, id, 'ended');
    });

    it.each(['ends and goes', 'goes'])(
      'of a peer that does not read, writes a lot and %s ends a worker that waits to write',
      async (how) => {
        const rig = new Rig({
          lane,
          window: 1000,
          highWaterMark: 100,
          connected: (socket) => socket.pipe(socket),
        });
        const { client, stream, socket, id } = await rig.serve(10);
        client.on('error', () => undefined);
        for (let n = 0; n < 10; n += 1) client.write(Buffer.alloc(1000));
        await rig.settle();
        if (how === 'ends and goes') client.end();
        await rig.settle();
        expect([socket.destroyed, socket.writableNeedDrain]).toEqual([false, true]);
        client.destroy();
        // As a pair in memory passes it on.
        stream.destroy();
        await rig.settle();
        expect(rig.socketErrors).toEqual([expect.objectContaining({ code: 'EPIPE', syscall: 'write' })]);
        expectOver(rig, id, 'ended');
      },
    );

    it('of both directions in order lets the worker read all that waits for credit', async () => {
      const rig = new Rig({ lane, window: 100, connected: () => undefined });
      const { client, stream, socket, id } = await rig.serve();
      client.resume();
      client.end(Buffer.alloc(500));
      await rig.settle();
      expect(stream.readableEnded).toBe(true);
      socket.end();
      await rig.settle();
      expect([stream.destroyed, socket.destroyed]).toEqual([true, false]);
      rig.read(socket);
      await rig.settle();
      expect(rig.bytesAt(id).length).toBe(500);
      expect(rig.socketErrors).toEqual([]);
      expectOver(rig, id, 'ended');
    });

    it('of the stream closes a worker that never reads and has nothing to read', async () => {
      const rig = new Rig({ lane, connected: () => undefined });
      const { stream, id } = await rig.serve();
      stream.destroy();
      await rig.settle();
      expectOver(rig, id, 'ended');
    });

    it('of a stream before its claim is told to the worker', async () => {
      const rig = new Rig({ lane });
      const { stream, connection } = rig.connect();
      stream.destroy();
      await nextTurn();
      rig.hub.offer(connection);
      await rig.settle();
      expectOver(rig, 1, 'ended');
    });

    it('of the hub closes all', async () => {
      const rig = new Rig({ lane });
      const served = [await rig.serve(), await rig.serve()];
      rig.hub.destroy();
      await rig.settle();
      expect(served.map(({ stream, socket }) => [stream.destroyed, socket.destroyed])).toEqual([
        [true, true],
        [true, true],
      ]);
      expect([rig.released, rig.over.length, rig.hub.open]).toEqual([[1, 2], 2, 0]);
    });

    it('by destroySoon comes after all that was written', async () => {
      const rig = new Rig({ lane, window: 100 });
      const { client, socket, id } = await rig.serve();
      const taken = collect(client);
      socket.write(Buffer.alloc(1000));
      socket.destroySoon();
      client.end();
      await rig.settle();
      expect(taken().length).toBe(1000);
      expectOver(rig, id, 'ended');
    });
  });

  describe('a stream that throws', () => {
    type Method = 'write' | '_write' | 'end' | 'resume' | 'pause' | 'setNoDelay' | 'destroy';
    const methods: Method[] = ['write', '_write', 'end', 'resume', 'pause', 'setNoDelay', 'destroy'];

    it.each(methods)('in %s closes its own connection alone', async (method) => {
      const rig = new Rig({ lane, window: 1000 });
      const other = await rig.serve();
      const { client, stream, socket, id } = await rig.serve();
      const thrown = vi.fn(() => {
        throw withCode('ETHROWN');
      });
      Object.assign(stream, { [method]: thrown });
      socket.setNoDelay();
      // Two small frames of one pass, for another one lies between them: the second is gathered.
      socket.write('first');
      await nextTurn();
      other.socket.write('between');
      await nextTurn();
      socket.write('second');
      socket.pause();
      client.write(Buffer.alloc(5000));
      await rig.settle();
      socket.resume();
      await rig.settle();
      socket.end();
      await rig.settle();
      socket.destroy();
      client.destroy();
      await rig.settle();
      rig.clock.advance(LINGER);
      await rig.settle();
      expect(thrown).toHaveBeenCalled();
      expect(stream.destroyed).toBe(true);
      expect(rig.over.map(({ connection }) => connection.id)).toEqual([id]);
      expect([rig.broken, rig.hub.open]).toEqual([[], 1]);
      other.client.write('still there');
      await rig.settle();
      expect(rig.bytesAt(other.id).toString()).toBe('still there');
    });
  });

  describe('output of somebody else that the stream still has', () => {
    it.each([false, true])(
      'does not hold back what the handler writes, and does not harm it (more: %s)',
      async (more) => {
        const rig = new Rig({ lane });
        const { client, stream, connection } = rig.connect(16);
        stream.write('a banner of the program’s own; ');
        rig.hub.offer(connection);
        await rig.settle();
        const socket = rig.socket(connection.id);
        socket.write('prompt> ');
        await rig.settle();
        if (more) stream.write('and more of it; ');
        socket.write('again> ');
        await rig.settle();
        const taken = collect(client);
        await rig.settle();
        const mine = taken()
          .toString()
          .replace(/a banner.*?own; |and more of it; /g, '');
        expect(mine).toBe('prompt> again> ');
      },
    );
  });

  it('bytes that a corked socket loses when it is destroyed are told', async () => {
    const rig = new Rig({ lane });
    const { client, socket, id } = await rig.serve();
    const taken = collect(client);
    socket.cork();
    socket.write('never sent');
    socket.destroy();
    await rig.settle();
    client.end();
    await rig.settle();
    expect(taken().toString()).toBe('');
    expectOver(rig, id, 'output-dropped');
  });

  it.each([
    [{ held: 9, queued: 0 }, { held: 8, queued: 0 }, true],
    [{ held: 9, queued: 3 }, { held: 9, queued: 2 }, true],
    [{ held: 9, queued: 1 }, { held: 7, queued: 7 }, true],
    [{ held: 9, queued: 3 }, { held: 9, queued: 3 }, false],
    [{ held: 9, queued: 0 }, { held: 9, queued: 9 }, false],
  ])('of %o, something has left when there is %o: %s', (before, now, left) => {
    expect(hasLeft(before, now)).toBe(left);
  });

  describe('lingering', () => {
    it('is no client that the end of the worker cuts off', async () => {
      const rig = new Rig({ lane, lingerTimeout: LINGER });
      const { stream, socket } = await rig.serve(16);
      const gone = await rig.serve();
      expect([rig.hub.open, rig.hub.clients]).toEqual([2, 2]);
      socket.end(Buffer.alloc(1_000));
      socket.destroy();
      gone.stream.destroy();
      await rig.settle(['mainTurn', 'workerTurn', 'toMain']);
      expect([rig.hub.open, rig.hub.clients]).toEqual([2, 0]);
      stream.destroy();
      await rig.settle();
      expect([rig.hub.open, rig.hub.clients]).toEqual([0, 0]);
    });

    it('gives a peer that does not read the linger timeout', async () => {
      const rig = new Rig({ lane, lingerTimeout: LINGER });
      const { stream, socket, id } = await rig.serve(10);
      socket.write('x'.repeat(100));
      socket.destroySoon();
      await rig.settle();
      expect(rig.clock.armed).toBe(1);
      rig.clock.advance(LINGER - 1);
      await rig.settle();
      expect(stream.destroyed).toBe(false);
      rig.clock.advance(1);
      await rig.settle();
      expect(stream.destroyed).toBe(true);
      expectOver(rig, id, 'linger-timeout');
    });

    it.each([
      [LINGER, AFTER_FLUSH],
      [500, 500],
    ])('of %i ms gives a peer that read all and does not end %i ms', async (lingerTimeout, time) => {
      const rig = new Rig({ lane, lingerTimeout });
      const { client, stream, socket, id } = await rig.serve();
      client.resume();
      socket.end('all');
      await rig.settle();
      socket.destroy();
      await rig.settle();
      expect(rig.clock.armed).toBe(1);
      client.write('still talking');
      rig.clock.advance(time - 1);
      await rig.settle();
      expect(stream.destroyed).toBe(false);
      rig.clock.advance(1);
      await rig.settle();
      expectOver(rig, id, 'ended');
    });

    it('gives its time once more when the host was late, but only once', async () => {
      const rig = new Rig({ lane, lingerTimeout: LINGER });
      const { client, stream, socket, id } = await rig.serve(10);
      socket.write('x'.repeat(100));
      socket.destroySoon();
      await rig.settle();
      rig.clock.sleep(3_600_000);
      rig.clock.advance(0);
      await rig.settle();
      expect([stream.destroyed, rig.clock.armed]).toEqual([false, 1]);
      rig.clock.sleep(3_600_000);
      rig.clock.advance(0);
      await rig.settle();
      expectOver(rig, id, 'linger-timeout');
      client.destroy();
    });

    it('waits on for as long as the peer reads', async () => {
      const rig = new Rig({ lane, lingerTimeout: LINGER, window: 2_097_152 });
      const { client, stream, socket, id } = await rig.serve(10);
      const size = 1_048_576;
      socket.write(Buffer.alloc(size));
      socket.destroySoon();
      await rig.settle();
      let [read, waits] = [0, 0];
      while (!stream.writableFinished) {
        rig.clock.advance(LINGER - 1);
        await rig.settle();
        expect(stream.destroyed).toBe(false);
        read += (client.read() as Buffer | null)?.length ?? 0;
        waits += 1;
        await rig.settle();
      }
      expect(waits).toBeGreaterThan(3);
      expect(read + client.readableLength).toBe(size);
      client.resume();
      client.end();
      await rig.settle();
      expectOver(rig, id, 'ended');
    });

    it('waits longer for a peer that was seen to take its time, within bounds', async () => {
      const rig = new Rig({ lane, lingerTimeout: LINGER });
      const { client, stream, socket, id } = await rig.serve(10);
      socket.write('some that must wait');
      await rig.settle();
      rig.clock.advance(2 * LINGER);
      client.read();
      await rig.settle();
      socket.write('and more that must');
      socket.destroySoon();
      await rig.settle();
      rig.clock.advance(4 * LINGER - 1);
      await rig.settle();
      expect(stream.destroyed).toBe(false);
      rig.clock.advance(1);
      await rig.settle();
      expectOver(rig, id, 'linger-timeout');
    });

    it('counts anew once the output is flushed', async () => {
      const rig = new Rig({ lane, lingerTimeout: LINGER });
      const { client, stream, socket, id } = await rig.serve(10);
      socket.write('x'.repeat(100));
      socket.destroySoon();
      await rig.settle();
      rig.clock.advance(LINGER - 1);
      client.resume();
      await rig.settle();
      rig.clock.advance(AFTER_FLUSH - 1);
      await rig.settle();
      expect([stream.destroyed, rig.clock.armed]).toEqual([false, 1]);
      client.end();
      await rig.settle();
      expectOver(rig, id, 'ended');
    });
  });

  describe('a socket', () => {
    it('that is destroyed refuses writes and sends nothing more', async () => {
      const rig = new Rig({ lane });
      const { client, socket, id } = await rig.serve();
      const taken = collect(client);
      socket.destroy();
      const written = vi.fn();
      expect(socket.write('late', written)).toBe(false);
      socket.end('later');
      client.end('unheard');
      await rig.settle();
      expect(written.mock.calls).toEqual([[expect.objectContaining({ code: 'ERR_STREAM_DESTROYED' })]]);
      expect([taken().length, socket.readyState, rig.socketErrors]).toEqual([0, 'closed', []]);
      expectOver(rig, id, 'ended');
    });

    it('that is destroyed ends its waiting writes with an error', async () => {
      const rig = new Rig({ lane, window: 10 });
      const { client, socket } = await rig.serve(1);
      const written = vi.fn();
      for (let at = 0; at < 4; at += 1) socket.write(Buffer.alloc(20), written);
      socket.destroy();
      client.end();
      await rig.settle();
      expect(written).toHaveBeenCalledTimes(4);
      for (const [error] of written.mock.calls) expect(error).toBeInstanceOf(Error);
      expect(rig.socketErrors).toEqual([]);
    });

    it('passes calls on to a stream that has them', async () => {
      const rig = new Rig({ lane });
      const { stream, socket } = await rig.serve();
      const calls = { setNoDelay: vi.fn(), setKeepAlive: vi.fn() };
      socket.setNoDelay().setKeepAlive(true, 5000);
      await rig.settle();
      Object.assign(stream, calls);
      socket.setNoDelay(false).setKeepAlive(true, 5000).ref().unref();
      await rig.settle();
      expect(calls.setNoDelay.mock.calls).toEqual([[false]]);
      expect(calls.setKeepAlive.mock.calls).toEqual([[true, 5000]]);
    });

    it('asks for noDelay only where that changes something', async () => {
      const rig = new Rig({ lane, accepted: { noDelay: true } });
      const { stream, socket } = await rig.serve();
      const setNoDelay = vi.fn();
      Object.assign(stream, { setNoDelay });
      socket.setNoDelay().setNoDelay(true);
      await rig.settle();
      expect(setNoDelay).not.toHaveBeenCalled();
      socket.setNoDelay(false).setNoDelay(false).setNoDelay(true);
      await rig.settle();
      expect(setNoDelay.mock.calls).toEqual([[false], [true]]);
    });

    it('tells of idleness once, and never after its close', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      try {
        const rig = new Rig({ lane });
        const { client, socket } = await rig.serve();
        const idle = vi.fn();
        socket.setTimeout(100, idle);
        vi.advanceTimersByTime(99);
        client.write('x');
        await rig.settle();
        vi.advanceTimersByTime(99);
        expect(idle).not.toHaveBeenCalled();
        vi.advanceTimersByTime(1);
        expect([idle.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0]);
        socket.setTimeout(100);
        socket.destroy();
        expect(vi.getTimerCount()).toBe(0);
        socket.setTimeout(100);
        expect(vi.getTimerCount()).toBe(0);
      } finally {
        vi.useRealTimers();
      }
    });
  });

  describe('every way to close, in every state', () => {
    type Served = Peer & Awaited<ReturnType<Rig['serve']>> & { rig: Rig };
    const acts: Readonly<Record<string, (served: Served) => unknown>> = {
      'peer ends': ({ client }) => !client.writableEnded && client.end('bye'),
      'peer writes': ({ client }) => !client.writableEnded && client.write(Buffer.alloc(300)),
      'peer reads': ({ client }) => client.resume(),
      'stream destroyed': ({ stream }) => stream.destroy(),
      'stream fails': ({ stream }) => stream.destroy(withCode('ECONNRESET')),
      'worker writes': ({ socket }) => socket.writable && socket.write(Buffer.alloc(300)),
      'worker ends': ({ socket }) => socket.end(),
      'worker destroys': ({ socket }) => socket.destroy(),
      'worker fails': ({ socket }) => socket.destroy(withCode('EHANDLER')),
      'worker destroys soon': ({ socket }) => {
        socket.destroySoon();
      },
      'worker resets': ({ socket }) => socket.resetAndDestroy(),
      'worker pauses': ({ socket }) => socket.pause(),
      'hub destroys': ({ rig }) => {
        rig.hub.destroy();
      },
      abandoned: ({ rig }) => {
        rig.deaf = true;
        rig.hub.abandon('worker-lost');
      },
      turn: () => nextTurn(),
      settle: ({ rig }) => rig.settle(),
      'time goes on': ({ rig }) => {
        rig.clock.advance(1500);
      },
    };

    async function play(order: readonly string[]): Promise<void> {
      const rig = new Rig({ lane, window: 200, lingerTimeout: LINGER });
      const served = { rig, ...(await rig.serve(50)) };
      for (const act of order) {
        if (act in acts) await acts[act]!(served);
        else rig.move(act as Move);
      }
      served.client.on('error', () => undefined);
      served.socket.resume();
      await rig.settle();
      served.socket.destroy();
      await rig.settle();
      rig.clock.advance(LINGER);
      await rig.settle();
      expect(rig.over.length, 'over').toBe(1);
      expect(rig.released.length, 'released').toBeLessThanOrEqual(1);
      if (!rig.deaf) expect(rig.released, 'released').toEqual([1]);
      expect(rig.workerOver).toEqual([1]);
      expect([rig.hub.open, rig.relay.open, rig.clock.armed]).toEqual([0, 0, 0]);
      expect(served.stream.destroyed).toBe(true);
    }

    const names = Object.keys(acts);

    it.each(names)('tells each side once: first %s, then anything', async (first) => {
      for (const second of names) {
        await play([first, second]);
        await play([first, 'settle', second]);
        await play([first, 'workerTurn', 'toMain', second, 'mainTurn', 'toWorker', first]);
      }
    });

    it('tells each side once after anything in any order', async () => {
      const order = fc.array(fc.constantFrom(...names, ...MOVES), { maxLength: 25 });
      await fc.assert(fc.asyncProperty(order, play), { numRuns: tries(600) });
    });
  });
});
