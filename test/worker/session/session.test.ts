import { describe, expect, it } from 'vitest';
import { type Filter } from '../../../src/common/filters/filter.ts';
import { LineFilter } from '../../../src/common/filters/line.ts';
import { ReferenceFilter } from '../../../src/common/filters/reference.ts';
import { StreamFilter } from '../../../src/common/filters/stream.ts';
import { type Client } from '../../../src/worker/session/client.ts';
import { type ClientError, type Handlers } from '../../../src/worker/session/handlers.ts';
import { broken } from './duplex-pair.ts';
import { gate, serve, settle } from './conversation-log.ts';

const ignore = (): undefined => undefined;

describe('callback orders of the ancestor', () => {
  it('line, then end of input', async () => {
    const errors: ClientError[] = [];
    const { peer, trace, done } = serve({
      clientInput: ignore,
      clientError: ({ client }, error) => {
        expect(client.isShutdown).toBe(false);
        errors.push(error);
      },
      clientDisconnected: ({ client }) => {
        expect(client.isShutdown).toBe(true);
      },
    });
    peer.end('a\r\n');
    await done;
    expect(trace).toEqual(['PreConnect', 'Connected', 'Input[a]', 'Error(read,EOF)', 'Disconnected']);
    expect(errors).toMatchObject([{ operation: 'read', code: 'EOF', errno: 0, error: undefined }]);
  });

  it('a partial line at the end of input is dropped', async () => {
    const { peer, trace, done } = serve({ clientInput: ignore, clientError: ignore });
    peer.end('a\nb');
    await done;
    expect(trace).toEqual(['PreConnect', 'Connected', 'Input[a]', 'Error(read,EOF)', 'Disconnected']);
  });

  it('shutdown in Input takes effect at once: later lines of the same read are ignored', async () => {
    const { peer, trace, done, received } = serve({
      clientInput: ({ client }, line) => {
        client.put(`bye ${line}`);
        client.shutdown();
      },
      clientFlushed: ignore,
      clientError: ignore,
    });
    peer.write('quit\nafter1\nafter2\n');
    await done;
    await settle();
    expect(trace).toEqual(['PreConnect', 'Connected', 'Input[quit]', 'Flushed', 'Disconnected']);
    expect(received()).toBe('bye quit\r\n');
  });

  it('shutdown in Flushed: exactly one Disconnected', async () => {
    const { peer, trace, done, received } = serve({
      clientInput: ({ client }) => client.put('x'),
      clientFlushed: ({ client }) => {
        client.shutdown();
      },
    });
    peer.write('a\n');
    await done;
    await settle();
    expect(trace).toEqual(['PreConnect', 'Connected', 'Input[a]', 'Flushed', 'Disconnected']);
    expect(received()).toBe('x\r\n');
  });

  it('a reset by the peer', async () => {
    const errors: ClientError[] = [];
    const { peer, trace, done, reports } = serve({
      clientInput: ignore,
      clientError: (_, error) => errors.push(error),
    });
    peer.write('a\n');
    await settle();
    peer.reset();
    await done;
    expect(trace).toEqual(['PreConnect', 'Connected', 'Input[a]', 'Error(read,ECONNRESET)', 'Disconnected']);
    expect(errors).toMatchObject([{ errno: -104, message: 'read ECONNRESET' }]);
    expect(reports).toEqual([]);
  });

  it.each([false, Promise.resolve(false)])(
    'PreConnect that returns %s closes the socket, nothing else',
    async (no) => {
      const { peer, socket, trace, done } = serve({ clientPreConnect: () => no, clientInput: ignore });
      peer.end('a\n');
      await done;
      expect(trace).toEqual(['PreConnect']);
      expect(socket.destroyed).toBe(true);
    },
  );

  it.each([undefined, true, null, 0, Promise.resolve()])(
    'PreConnect that returns %s accepts',
    async (yes) => {
      const { peer, trace, done } = serve({ clientPreConnect: () => yes, clientInput: ignore });
      peer.end('a\n');
      await done;
      expect(trace).toEqual(['PreConnect', 'Connected', 'Input[a]', 'Disconnected']);
    },
  );

  it('without clientShutdownOnError a half-closed peer still gets what is put, until shutdown', async () => {
    let client: Client | undefined;
    const { peer, trace, done, received } = serve({
      clientShutdownOnError: false,
      clientInput: ignore,
      clientFlushed: ignore,
      clientError: (context) => {
        client = context.client;
        client.put('late');
      },
    });
    peer.end('a\n');
    await settle();
    expect(client?.put('later')).toBe(true);
    await settle();
    expect(trace).toEqual(['PreConnect', 'Connected', 'Input[a]', 'Error(read,EOF)', 'Flushed', 'Flushed']);
    client?.shutdown();
    await done;
    await settle();
    expect(trace.slice(6)).toEqual(['Disconnected']);
    expect(received()).toBe('late\r\nlater\r\n');
  });

  it('a Stream filter for input and a Line filter for output', async () => {
    const { peer, trace, done, received } = serve({
      clientInputFilter: new StreamFilter(),
      clientOutputFilter: new LineFilter(),
      clientInput: ({ client }, bytes) => {
        expect(bytes).toBeInstanceOf(Buffer);
        client.put('x');
      },
    });
    peer.end('a\r\nb');
    await done;
    await settle();
    expect(trace).toEqual(['PreConnect', 'Connected', 'Input[a\r\nb]', 'Disconnected']);
    expect(received()).toBe('x\r\n');
  });

  it('output that waits when input ends is flushed (departure: the ancestor discards it)', async () => {
    const { peer, trace, done } = serve(
      { clientInput: ({ client }) => client.put('x'.repeat(100_000)), clientError: ignore },
      { peerReads: false, highWaterMark: 1000 },
    );
    peer.end('a\n');
    await settle();
    expect(trace).toEqual(['PreConnect', 'Connected', 'Input[a]', 'Error(read,EOF)']);
    let length = 0;
    for await (const chunk of peer) length += (chunk as Buffer).length;
    await done;
    expect(length).toBe(100_002);
    expect(trace.at(-1)).toBe('Disconnected');
  });

  it('output that waits when the connection breaks is discarded, Disconnected comes at once', async () => {
    const { peer, trace, done } = serve(
      {
        clientInput: ({ client }) => client.put('x'.repeat(100_000)),
        clientFlushed: ignore,
        clientError: ignore,
      },
      { peerReads: false, highWaterMark: 1000 },
    );
    peer.write('a\n');
    await settle();
    peer.reset();
    await done;
    expect(trace).toEqual(['PreConnect', 'Connected', 'Input[a]', 'Error(read,ECONNRESET)', 'Disconnected']);
  });

  it('a write to a peer that is gone is an error of writing', async () => {
    const { peer, socket, trace, done } = serve({
      clientInput: ({ client }) => client.put('x'),
      clientError: ignore,
    });
    socket.cork();
    peer.write('a\n');
    await settle();
    socket.destroy(broken('write', 'EPIPE', -32));
    await done;
    expect(trace.slice(-2)).toEqual(['Error(write,EPIPE)', 'Disconnected']);
  });

  it('a peer that is gone before Connected is never connected', async () => {
    const waiting = gate();
    const { peer, trace, isDone, done } = serve({
      clientPreConnect: () => waiting.promise,
      clientInput: ignore,
    });
    peer.reset();
    await settle();
    expect(isDone()).toBe(false);
    waiting.open();
    await done;
    expect(trace).toEqual(['PreConnect']);
  });

  it('a socket that was closed before the start is done, without callbacks', async () => {
    const { trace, done } = serve({ clientInput: ignore }, { before: ({ socket }) => socket.destroy() });
    await done;
    expect(trace).toEqual([]);
  });
});

describe('async handlers', () => {
  it('the next record is delivered when the promise of the last settles', async () => {
    const gates = [gate(), gate(), gate()];
    let next = 0;
    const { peer, trace, done } = serve({ clientInput: () => gates[next++]?.promise });
    peer.end('a\nb\nc\n');
    await settle();
    expect(trace.slice(2)).toEqual(['Input[a]']);
    gates[0]!.open();
    await settle();
    expect(trace.slice(2)).toEqual(['Input[a]', 'Input[b]']);
    gates[1]!.open();
    gates[2]!.open();
    await done;
    expect(trace.slice(2)).toEqual(['Input[a]', 'Input[b]', 'Input[c]', 'Disconnected']);
  });

  it('Input waits for Connected', async () => {
    const connected = gate();
    const { peer, trace, done } = serve({ clientConnected: () => connected.promise, clientInput: ignore });
    peer.end('a\n');
    await settle();
    expect(trace).toEqual(['PreConnect', 'Connected']);
    connected.open();
    await done;
    expect(trace.slice(2)).toEqual(['Input[a]', 'Disconnected']);
  });

  it('the end of input waits for the records before it, its Error for the last promise', async () => {
    const slow = gate();
    const { peer, trace, done } = serve({ clientInput: () => slow.promise, clientError: ignore });
    peer.end('a\n');
    await settle();
    expect(trace.slice(2)).toEqual(['Input[a]']);
    slow.open();
    await done;
    expect(trace.slice(2)).toEqual(['Input[a]', 'Error(read,EOF)', 'Disconnected']);
  });

  it('an async clientError may still put after the end of input', async () => {
    const { peer, done, received } = serve({
      clientInput: ignore,
      clientError: async ({ client }) => {
        await settle();
        client.put('bye');
      },
    });
    peer.end();
    await done;
    await settle();
    expect(received()).toBe('bye\r\n');
  });

  it('while a promise is pending the peer is held back', async () => {
    const slow = gate();
    const { peer, socket, trace } = serve({ clientInput: () => slow.promise }, { highWaterMark: 1000 });
    peer.write('a\n');
    await settle();
    peer.write(Buffer.alloc(10_000, 'x'));
    await settle();
    expect(peer.writableNeedDrain).toBe(true);
    expect(socket.readableLength).toBe(10_000);
    slow.open();
    await settle();
    expect(socket.readableLength).toBe(0);
    peer.write('\n');
    await settle();
    expect(trace).toHaveLength(4);
  });

  it('a pending handler does not delay Disconnected when the peer is gone, but delays done', async () => {
    const slow = gate();
    const { peer, trace, isDone, done } = serve({ clientInput: () => slow.promise, clientError: ignore });
    peer.write('a\nb\n');
    await settle();
    peer.reset();
    await settle();
    expect(trace.slice(2)).toEqual(['Input[a]', 'Error(read,ECONNRESET)', 'Disconnected']);
    expect(isDone()).toBe(false);
    slow.open();
    await done;
    await settle();
    expect(trace).toHaveLength(5);
  });

  it('Flushed does not wait for a pending Input, so that Input can wait for Flushed', async () => {
    const flushed = gate();
    const { peer, trace, done } = serve({
      clientInput: async ({ client }) => {
        client.put('x');
        await flushed.promise;
      },
      clientFlushed: flushed.open,
    });
    peer.end('a\nb\n');
    await done;
    expect(trace.filter((each) => each.startsWith('Input'))).toEqual(['Input[a]', 'Input[b]']);
  });

  it('one Flushed at a time: what is flushed while its promise is pending is told after', async () => {
    const gates = [gate(), gate()];
    let next = 0;
    let client: Client | undefined;
    const { peer, trace } = serve({
      clientInput: (context) => (client = context.client).put('x'),
      clientFlushed: () => gates[next++]?.promise,
    });
    peer.write('a\n');
    await settle();
    client?.put('y');
    client?.put('z');
    await settle();
    expect(trace.slice(2)).toEqual(['Input[a]', 'Flushed']);
    gates[0]!.open();
    await settle();
    expect(trace.slice(2)).toEqual(['Input[a]', 'Flushed', 'Flushed']);
    gates[1]!.open();
    await settle();
    expect(trace).toHaveLength(5);
  });

  it('done waits for clientDisconnected', async () => {
    const slow = gate();
    const { peer, isDone, done } = serve({ clientInput: ignore, clientDisconnected: () => slow.promise });
    peer.end();
    await settle();
    expect(isDone()).toBe(false);
    slow.open();
    await done;
  });

  it('any thenable is waited for', async () => {
    const { peer, trace, done } = serve({
      clientInput: () => ({ then: (resolve: () => void) => setImmediate(resolve) }),
    });
    peer.end('a\nb\n');
    await done;
    expect(trace.slice(2)).toEqual(['Input[a]', 'Input[b]', 'Disconnected']);
  });
});

describe('handlers that throw', () => {
  const boom = new Error('boom');
  const fail = (): never => {
    throw boom;
  };
  const reject = async (): Promise<never> => {
    await settle(1);
    throw boom;
  };
  const places: [string, Partial<Handlers>][] = [fail, reject].flatMap(
    (act): [string, Partial<Handlers>][] => [
      ['clientConnected', { clientConnected: act }],
      ['clientInput', { clientInput: act }],
      ['clientFlushed', { clientInput: ({ client }) => client.put('x'), clientFlushed: act }],
    ],
  );

  it.each(places)('%s: connection destroyed, clientError told, then Disconnected', async (name, handlers) => {
    const told: ClientError[] = [];
    const { peer, socket, trace, reports, done } = serve({
      clientInput: ignore,
      ...handlers,
      clientError: ({ client }, error) => {
        expect(client.put('no')).toBe(false);
        told.push(error);
      },
    });
    peer.write('a\nb\n');
    await done;
    expect(told).toMatchObject([{ operation: 'handler', message: 'boom', error: boom }]);
    expect(trace.slice(-2)).toEqual(['Error(handler,boom)', 'Disconnected']);
    expect(trace.filter((each) => each === 'Input[b]')).toHaveLength(name === 'clientFlushed' ? 1 : 0);
    expect(reports).toEqual([]);
    expect(socket.errored).toBe(boom);
  });

  it.each(places)('%s: without clientError it is reported', async (name, handlers) => {
    const { peer, trace, reports, done } = serve({ clientInput: ignore, ...handlers });
    peer.write('a\nb\n');
    await done;
    expect(reports).toEqual([{ error: boom, connectionId: 7, callback: name }]);
    expect(trace.at(-1)).toBe('Disconnected');
  });

  it.each([fail, reject])(
    'clientError that throws too: both are reported, then Disconnected',
    async (act) => {
      const { peer, trace, reports, done } = serve({
        clientInput: () => {
          throw new Error('first');
        },
        clientError: act,
      });
      peer.write('a\n');
      await done;
      expect(trace.slice(2)).toEqual(['Input[a]', 'Error(handler,first)', 'Disconnected']);
      expect(reports.map(({ error, callback }) => [(error as Error).message, callback])).toEqual([
        ['first', 'clientInput'],
        ['boom', 'clientError'],
      ]);
    },
  );

  it.each([fail, reject])('clientError that throws at the end of input is reported', async (act) => {
    const { peer, trace, reports, done } = serve({ clientInput: ignore, clientError: act });
    peer.end();
    await done;
    expect(trace.slice(2)).toEqual(['Error(read,EOF)', 'Disconnected']);
    expect(reports).toEqual([{ error: boom, connectionId: 7, callback: 'clientError' }]);
  });

  it.each([fail, reject])('clientDisconnected that throws is reported', async (act) => {
    const { peer, reports, done } = serve({
      clientInput: ignore,
      clientError: ignore,
      clientDisconnected: act,
    });
    peer.end();
    await done;
    expect(reports).toEqual([{ error: boom, connectionId: 7, callback: 'clientDisconnected' }]);
  });

  it.each([fail, reject])('clientPreConnect that throws is reported; there was no client', async (act) => {
    const { trace, socket, reports, done } = serve({
      clientPreConnect: act,
      clientInput: ignore,
      clientError: ignore,
    });
    await done;
    expect(trace).toEqual(['PreConnect']);
    expect(reports).toEqual([{ error: boom, connectionId: 7, callback: 'clientPreConnect' }]);
    expect(socket.destroyed).toBe(true);
  });

  it('a heap or a filter that throws is reported', async () => {
    const first = serve({ heap: fail, clientInput: ignore });
    const clientFilter: Filter<string, string> = Object.assign(new LineFilter(), { clone: fail });
    const second = serve({ clientFilter, clientInput: ignore });
    await Promise.all([first.done, second.done]);
    expect([...first.reports, ...second.reports].map(({ callback }) => callback)).toEqual([
      'heap',
      'clientFilter',
    ]);
    expect([...first.trace, ...second.trace]).toEqual(['PreConnect']);
  });

  it('a rejection after Disconnected is reported and calls nothing', async () => {
    const slow = gate();
    const { peer, trace, reports, done } = serve({ clientInput: () => slow.promise, clientError: ignore });
    peer.write('a\n');
    await settle();
    peer.reset();
    await settle();
    slow.fail(boom);
    await done;
    expect(trace.at(-1)).toBe('Disconnected');
    expect(reports).toEqual([{ error: boom, connectionId: 7, callback: 'clientInput' }]);
  });

  it.each(['text', undefined, null])('anything may be thrown: %s', async (thrown) => {
    const { peer, reports, done } = serve({
      clientInput: () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- this is what users may do
        throw thrown;
      },
    });
    peer.write('a\n');
    await done;
    expect(reports).toEqual([{ error: thrown, connectionId: 7, callback: 'clientInput' }]);
  });

  it('what encode throws goes to the caller of put, and nothing is half sent', async () => {
    const { peer, done, received } = serve({
      clientFilter: new LineFilter({ encoding: 'latin1' }),
      clientInput: ({ client }) => {
        expect(() => client.put('a', '\u0100')).toThrow(RangeError);
        client.put('fine');
      },
    });
    peer.end('a\n');
    await done;
    await settle();
    expect(received()).toBe('fine\r\n');
  });
});

describe('input that breaks the format', () => {
  const clientFilter = new LineFilter({ maxLength: 3 });

  it('is told and shuts the client down; what clientError puts is flushed', async () => {
    const { peer, trace, done, received } = serve({
      clientFilter,
      clientInput: ignore,
      clientError: ({ client }) => client.put('too long'),
    });
    peer.write('abc\nabcd\nx\n');
    await done;
    await settle();
    expect(trace.slice(2)).toEqual(['Input[abc]', 'Error(read,FORKLESS_LINE_TOO_LONG)', 'Disconnected']);
    expect(received()).toBe('too long\r\n');
  });

  it('without clientShutdownOnError the session goes on with the next record', async () => {
    const { peer, socket, trace } = serve({
      clientFilter,
      clientShutdownOnError: false,
      clientInput: ignore,
      clientError: () => settle(1),
    });
    peer.end('abcd\nabcd\nx\n');
    await settle(20);
    const tooLong = 'Error(read,FORKLESS_LINE_TOO_LONG)';
    expect(trace.slice(2)).toEqual([tooLong, tooLong, 'Input[x]', 'Error(read,EOF)']);
    socket.destroy();
  });

  it('without clientError it is reported', async () => {
    const { peer, reports, done } = serve({ clientFilter, clientInput: ignore });
    peer.write('abcd');
    await done;
    expect(reports).toMatchObject([{ error: { code: 'FORKLESS_LINE_TOO_LONG' }, callback: 'inputFilter' }]);
  });

  it('what clientError has dealt with is not reported when it fails later', async () => {
    const { peer, reports, done } = serve({
      clientFilter,
      clientShutdownOnError: false,
      clientInput: ignore,
      clientError: (_, { code }) => {
        if (code === 'EOF') throw new Error('boom');
      },
    });
    peer.end('abcd\n');
    await done;
    expect(reports.map(({ callback }) => callback)).toEqual(['clientError']);
  });

  it('a read full of bad input gives others their turn: 64 errors in each', async () => {
    const errors: number[] = [];
    let turn = 0;
    const { peer, trace, done } = serve({
      clientFilter: new ReferenceFilter(),
      clientShutdownOnError: false,
      clientInput: ({ client }) => {
        client.shutdown();
      },
      clientError: () => {
        errors[turn] = (errors[turn] ?? 0) + 1;
      },
    });
    const count = (): void => {
      turn += 1;
      if (!trace.includes('Disconnected')) setImmediate(count);
    };
    setImmediate(count);
    peer.write(`${'4\0oops'.repeat(1000)}1\x001`);
    await done;
    expect(errors.reduce((sum, each) => sum + each, 0)).toBe(1000);
    expect(Math.max(...errors.filter((each) => each > 0))).toBeLessThanOrEqual(128);
    expect(trace.at(-2)).toBe('Input[1]');
  });

  it('a filter that throws for ever ends the connection', async () => {
    class Broken extends LineFilter {
      override take(): string {
        throw new TypeError('always');
      }
      override clone(): Broken {
        return new Broken();
      }
    }
    const { peer, trace, done } = serve({
      clientFilter: new Broken(),
      clientShutdownOnError: false,
      clientInput: ignore,
      clientError: ignore,
    });
    peer.write('a\n');
    await done;
    expect(trace.slice(-2)).toEqual(['Error(read,always)', 'Disconnected']);
    expect(trace.length).toBeLessThan(100);
  });
});
