import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect, nextTurn, pattern, Rig } from '../../both-ends/rig.ts';

const bad = expect.objectContaining({ code: 'FORKLESS_BAD_FRAME' }) as Error;

describe('an idle pair of rings', () => {
  it('asks for no turn and posts nothing', async () => {
    const rig = new Rig();
    await rig.serve();
    for (let turn = 0; turn < 10; turn += 1) await nextTurn();
    expect([rig.mainTurn(), rig.workerTurn(), rig.toMain(), rig.toWorker()]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('is woken by one doorbell for any number of frames', async () => {
    const rig = new Rig();
    const { socket } = await rig.serve();
    for (let at = 0; at < 100; at += 1) socket.write('x');
    rig.workerTurn();
    socket.write('y');
    rig.workerTurn();
    expect(rig.workerPort.queue).toEqual([0]);
  });
});

describe('control messages', () => {
  it('arrive behind the frames before them and before the frames after them', async () => {
    const rig = new Rig();
    const { client, socket } = await rig.serve();
    const taken = collect(client);
    socket.write('before');
    rig.workerTurn();
    rig.workerLane.post({ kind: 'first' });
    socket.write(' after');
    rig.workerTurn();
    // The doorbell: all that is published may be read, but not beyond the mark.
    rig.toMain();
    await nextTurn();
    expect([taken().toString(), rig.heard]).toEqual(['before', []]);
    await rig.settle();
    expect([taken().toString(), rig.heard]).toEqual(['before after', [{ kind: 'first' }]]);
  });

  it('wait for room with the frames when the ring is full, and lose no order', async () => {
    const rig = new Rig({ capacity: 256, window: 100_000 });
    const { client, socket } = await rig.serve();
    const taken = collect(client);
    socket.write(pattern(0, 5_000));
    for (let at = 0; at < 20; at += 1) rig.workerLane.post({ at });
    socket.setNoDelay(true);
    await rig.settle();
    expect(rig.heard).toEqual(Array.from({ length: 20 }, (_, at) => ({ at })));
    expect(taken().equals(pattern(0, 5_000))).toBe(true);
  });

  it('that have no mark are a broken worker', async () => {
    const rig = new Rig();
    await rig.serve();
    rig.fromWorker({ marked: { kind: 'ready' } });
    expect([rig.broken, rig.heard]).toEqual([[bad], []]);
  });
});

describe('a worker that ends', () => {
  it('leaves what it wrote, in the ring and beside it', async () => {
    const rig = new Rig({ capacity: 256 });
    const { client, socket, id } = await rig.serve();
    const taken = collect(client);
    socket.write('the last words');
    for (let at = 0; at < 20; at += 1) socket.setNoDelay(at % 2 === 0);
    socket.end();
    socket.destroy();
    rig.workerLane.post({ kind: 'leaving' });
    rig.workerLane.finish();
    await rig.settle(['toMain', 'mainTurn']);
    expect([rig.released, rig.heard]).toEqual([[id], [{ kind: 'leaving' }]]);
    expect(taken().toString()).toBe('the last words');
  });

  it('leaves what it published, when nobody rang for it', async () => {
    const rig = new Rig();
    const { client, socket } = await rig.serve();
    const taken = collect(client);
    socket.write('published');
    rig.workerTurn();
    rig.deaf = true;
    rig.hub.abandon('worker-lost');
    client.end();
    await rig.settle();
    expect(taken().toString()).toBe('published');
    expect(rig.over.map(({ reason }) => reason)).toEqual(['worker-lost']);
  });
});

describe('a worker that writes garbage over its rings', () => {
  it('is told once, closes with its connections, and never throws into the main thread', async () => {
    const scribbles = fc.array(
      fc.tuple(fc.boolean(), fc.nat(90), fc.oneof(fc.integer(), fc.constantFrom(0, 1, 16, -16))),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    await fc.assert(
      fc.asyncProperty(scribbles, async (words) => {
        const rig = new Rig({ capacity: 1024, window: 2_000 });
        const { client, socket } = await rig.serve();
        client.resume();
        socket.write(pattern(0, 700));
        client.write(pattern(0, 1_500));
        rig.workerTurn();
        for (const [toMain, at, value] of words) {
          new Int32Array(toMain ? rig.rings!.toMain : rig.rings!.toWorker)[at] = value;
          rig.fromWorker(0);
          await nextTurn();
          rig.mainTurn();
        }
        client.write(pattern(0, 3_000));
        await rig.settle(['mainTurn', 'toMain']);
        rig.hub.abandon('worker-lost');
        rig.clock.advance(60_000);
        await rig.settle(['mainTurn', 'toMain']);
        expect(rig.broken.length).toBeLessThanOrEqual(1);
        expect([rig.hub.open, rig.clock.armed]).toEqual([0, 0]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('the port of a lane', () => {
  it('has one listener, which hears nothing after garbage', async () => {
    const rig = new Rig();
    await rig.serve();
    expect([rig.mainPort, rig.workerPort].map((port) => port.listenerCount('message'))).toEqual([1, 1]);
    rig.fromWorker({ marked: { kind: 'without a mark' } });
    rig.workerLane.post({ kind: 'late' });
    await rig.settle();
    expect([rig.broken, rig.heard]).toEqual([[bad], []]);
  });

  it('tells once of a message that cannot be read; published frames are still delivered at the end', async () => {
    const rig = new Rig();
    const { client, socket } = await rig.serve();
    const taken = collect(client);
    socket.write('published');
    rig.workerTurn();
    const unreadable = new Error('not to be read');
    rig.mainPort.emit('messageerror', unreadable);
    rig.mainPort.emit('messageerror', unreadable);
    await rig.settle(['toMain', 'mainTurn']);
    expect([rig.broken, taken().length]).toEqual([[unreadable], 0]);
    rig.hub.abandon('worker-lost');
    client.end();
    await rig.settle();
    expect([rig.broken, taken().toString()]).toEqual([[unreadable], 'published']);
  });

  it('still brings control messages to a lane that is closed, until the port is closed too', async () => {
    const rig = new Rig();
    await rig.serve();
    rig.hub.abandon('worker-lost');
    rig.workerLane.post({ kind: 'of a zombie' });
    await rig.settle(['workerTurn', 'toMain']);
    expect(rig.heard).toEqual([{ kind: 'of a zombie' }]);
    rig.mainLane.end();
    rig.workerLane.post({ kind: 'late' });
    await rig.settle(['workerTurn', 'toMain']);
    expect(rig.heard).toEqual([{ kind: 'of a zombie' }]);
  });
});
