import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Client } from '../../../src/worker/session/client.ts';
import { type Handlers } from '../../../src/worker/session/handlers.ts';
import { PendingRecords } from '../../../src/worker/session/pending-records.ts';
import { gate, serve, settle, type Served, type ServeOptions } from './conversation-log.ts';

const ignore = (): undefined => undefined;
const blocked = { peerReads: false, highWaterMark: 50 };

function connect(handlers: Handlers = {}, options: ServeOptions = {}): Served & { client: Client } {
  const served = serve({ clientInput: ignore, ...handlers }, options);
  // Its type was lost in the session, which serves any.
  return { ...served, client: served.session.client as Client };
}

function withMarks(
  handlers: Handlers = {},
  options: ServeOptions = blocked,
): Served & { client: Client; edges: string[] } {
  const edges: string[] = [];
  const served = connect(
    {
      highMark: 100,
      lowMark: 10,
      clientHigh: () => void edges.push('High'),
      clientLow: () => void edges.push('Low'),
      ...handlers,
    },
    options,
  );
  return { ...served, edges };
}

describe('high and low marks', () => {
  it('put says whether the high mark is reached, and the edge is told once, not inside put', async () => {
    const { client, edges } = withMarks();
    expect(client.put('x'.repeat(50))).toBe(true);
    expect(client.put('x'.repeat(98))).toBe(false);
    expect(client.put('x')).toBe(false);
    expect(edges).toEqual([]);
    await settle();
    client.put('x');
    await settle();
    expect(edges).toEqual(['High']);
  });

  it('the low edge comes when output has fallen to the low mark, then the high one may come again', async () => {
    const { client, edges, peer } = withMarks();
    client.put('x'.repeat(200));
    await settle();
    peer.resume();
    await settle();
    expect(edges).toEqual(['High', 'Low']);
    peer.pause();
    client.put('x'.repeat(200));
    client.put('x'.repeat(200));
    await settle();
    expect(edges).toEqual(['High', 'Low', 'High']);
  });

  it('below the high mark nothing is told, however long output waits', async () => {
    const { client, edges, peer } = withMarks();
    client.put('x'.repeat(97));
    await settle();
    peer.resume();
    await settle();
    expect(edges).toEqual([]);
  });

  it('a swing within one tick is told as High and Low: who was told to wait is told to go on', async () => {
    const { client, edges } = withMarks({}, { highWaterMark: 1000 });
    client.socket.cork();
    expect(client.put('x'.repeat(200))).toBe(false);
    client.socket.uncork();
    client.put('y');
    await settle();
    expect(edges).toEqual(['High', 'Low']);
  });

  it('Low comes before Flushed', async () => {
    const { client, trace, edges, peer } = withMarks({ clientFlushed: () => void edges.push('Flushed') });
    client.put('x'.repeat(200));
    await settle();
    peer.resume();
    await settle();
    expect(edges).toEqual(['High', 'Low', 'Flushed']);
    expect(trace).toContain('Flushed');
  });

  it('one at a time: while a promise is pending the next edge waits for it', async () => {
    const slow = gate();
    const { client, edges, peer } = withMarks({
      clientHigh: () => {
        edges.push('High');
        return slow.promise;
      },
    });
    client.put('x'.repeat(200));
    await settle();
    peer.resume();
    await settle();
    expect(edges).toEqual(['High']);
    slow.open();
    await settle();
    expect(edges).toEqual(['High', 'Low']);
  });

  it('a producer that stops at High and goes on at Low never has more waiting than a put above the mark', async () => {
    let most = 0;
    let left = 200;
    const produce = ({ client }: { readonly client: Client }): void => {
      while (left > 0) {
        left -= 1;
        const goesOn = client.put('x'.repeat(30));
        most = Math.max(most, client.pendingOutput);
        if (!goesOn) return;
      }
      client.shutdown();
    };
    const { peer, received, done } = withMarks({ clientConnected: produce, clientLow: produce });
    await settle();
    const chunks: Buffer[] = [];
    for await (const chunk of peer) chunks.push(chunk as Buffer);
    await done;
    expect(Buffer.concat(chunks)).toHaveLength(200 * 32);
    expect(received()).toBe('');
    expect(most).toBeLessThanOrEqual(100 + 32);
  });

  it('after the end nothing is told', async () => {
    const { client, edges, done } = withMarks();
    client.put('x'.repeat(200));
    client.destroy();
    await done;
    await settle();
    expect(edges).toEqual([]);
  });

  it('a throw in clientHigh destroys the connection and is told', async () => {
    const { client, trace, done } = withMarks({
      clientHigh: () => {
        throw new Error('boom');
      },
      clientError: ignore,
    });
    client.put('x'.repeat(200));
    await done;
    expect(trace.slice(-2)).toEqual(['Error(handler,boom)', 'Disconnected']);
  });

  it('can be moved, within their rules', async () => {
    const { client, edges } = withMarks();
    expect(client.marks).toEqual({ high: 100, low: 10 });
    client.put('x'.repeat(60));
    client.setMarks({ high: 50, low: 5 });
    await settle();
    expect(edges).toEqual(['High']);
    for (const marks of [
      { high: 5, low: 5 },
      { high: 5, low: 0 },
      { high: 5.5, low: 1 },
    ]) {
      expect(() => {
        client.setMarks(marks);
      }).toThrow(expect.objectContaining({ code: 'FORKLESS_BAD_OPTION' }) as Error);
    }
    expect(client.marks).toEqual({ high: 50, low: 5 });
  });

  it('cannot be set where the handlers have none', () => {
    const { client } = connect();
    expect(client.marks).toBeUndefined();
    expect(() => {
      client.setMarks({ high: 2, low: 1 });
    }).toThrow(expect.objectContaining({ code: 'FORKLESS_BAD_HANDLERS' }) as Error);
  });
});

describe('pending output', () => {
  it('counts bytes and records', async () => {
    const { client, peer } = connect({}, { peerReads: false, highWaterMark: 10 });
    client.put('x'.repeat(17));
    expect([client.pendingOutput, client.pendingRecords]).toEqual([19, 1]);
    client.put('a', 'b', 'c');
    expect([client.pendingOutput, client.pendingRecords]).toEqual([28, 4]);
    peer.resume();
    await settle();
    expect([client.pendingOutput, client.pendingRecords]).toEqual([0, 0]);
  });

  it('is what a model that remembers every record says', () => {
    const move = fc.oneof(fc.record({ put: fc.nat(9) }), fc.record({ leave: fc.nat(30) }));
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        const records = new PendingRecords();
        let model: number[] = [];
        for (const each of moves) {
          if ('put' in each) {
            model.push(each.put);
            const waiting = model.reduce((sum, length) => sum + length, 0);
            records.wrote(each.put, waiting);
          } else model = leave(model, each.leave);
          const waiting = model.reduce((sum, length) => sum + length, 0);
          expect(records.count(waiting)).toBe(model.filter((length) => length > 0).length);
        }
      }),
    );
  });

  function leave(model: readonly number[], bytes: number): number[] {
    let left = bytes;
    return model.map((length) => {
      const gone = Math.min(length, left);
      left -= gone;
      return length - gone;
    });
  }
});

describe('flush', () => {
  it('resolves at once when nothing waits', async () => {
    expect(await connect().client.flush()).toBe(true);
  });

  it('resolves when all has left, also what was put meanwhile', async () => {
    const { client, peer } = connect({ clientFlushed: ignore }, blocked);
    client.put('x'.repeat(200));
    const flushed = client.flush();
    client.put('y'.repeat(200));
    peer.resume();
    expect(await flushed).toBe(true);
    expect(client.pendingOutput).toBe(0);
  });

  it('resolves after shutdown too', async () => {
    const { client, peer, done } = connect({}, blocked);
    client.put('x'.repeat(200));
    client.shutdown();
    const flushed = client.flush();
    peer.resume();
    expect(await flushed).toBe(true);
    await done;
    expect(await client.flush()).toBe(true);
  });

  it.each<[string, (served: Served & { client: Client }) => void]>([
    [
      'the peer resets',
      ({ peer }) => {
        peer.reset();
      },
    ],
    [
      'the client is destroyed',
      ({ client }) => {
        client.destroy();
      },
    ],
  ])('resolves with false when %s before', async (_, end) => {
    const served = connect({}, blocked);
    served.client.put('x'.repeat(200));
    const flushed = served.client.flush();
    end(served);
    expect(await flushed).toBe(false);
    expect(await served.client.flush()).toBe(false);
  });
});

describe('shutting down one direction', () => {
  it('input: nothing more is delivered, not even the end, and output goes on', async () => {
    const { peer, trace, done, session, received } = serve({
      clientInput: ({ client }) => {
        client.shutdownInput();
      },
      clientError: ignore,
    });
    peer.write('a\nb\n');
    await settle();
    peer.end('c\n');
    await settle();
    session.client?.put('late');
    session.client?.resumeInput();
    await settle();
    expect(trace.slice(2)).toEqual(['Input[a]']);
    expect(received()).toBe('late\r\n');
    session.client?.shutdown();
    await done;
    expect(trace.slice(2)).toEqual(['Input[a]', 'Disconnected']);
  });

  it('input: what comes is discarded, the peer is not held back, also while a promise is pending', async () => {
    const slow = gate();
    const { peer, trace } = serve(
      {
        clientInput: ({ client }) => {
          client.shutdownInput();
          return slow.promise;
        },
      },
      { highWaterMark: 1000 },
    );
    peer.write('a\n');
    await settle();
    peer.write(Buffer.alloc(10_000, '\n'));
    await settle(20);
    expect(peer.writableNeedDrain).toBe(false);
    slow.open();
    await settle();
    expect(trace.slice(2)).toEqual(['Input[a]']);
    peer.reset();
  });

  it('output: the peer sees the end, and is still heard', async () => {
    const { peer, trace, done, received } = serve({
      clientConnected: ({ client }) => {
        client.put('last');
        client.shutdownOutput();
      },
      clientInput: ({ client }) => {
        expect(client.put('no')).toBe(false);
      },
      clientError: ignore,
    });
    await settle();
    expect(peer.readableEnded).toBe(true);
    peer.end('a\nb\n');
    await done;
    expect(received()).toBe('last\r\n');
    expect(trace.slice(2)).toEqual(['Input[a]', 'Input[b]', 'Error(read,EOF)', 'Disconnected']);
  });

  it.each([
    ['input first', ['shutdownInput', 'shutdownOutput']],
    ['output first', ['shutdownOutput', 'shutdownInput']],
  ] as const)('both, %s: the connection closes when all is flushed', async (_, order) => {
    const { client, peer, trace, done } = connect({ clientError: ignore }, blocked);
    client.put('x'.repeat(500));
    for (const method of order) client[method]();
    await settle();
    expect(trace).not.toContain('Disconnected');
    let length = 0;
    for await (const chunk of peer) length += (chunk as Buffer).length;
    await done;
    expect(length).toBe(502);
    expect(trace.slice(2)).toEqual(['Disconnected']);
  });
});
