import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type HttpdRecord, type HttpResponse } from '../../src/filters.ts';
import { type FilterParameter } from '../../src/poe/filter-parameter.ts';
import { type PreforkTCPParameters } from '../../src/poe/parameters.ts';
import { workerHandlers } from '../../src/poe/worker-handlers.ts';
import { type WheelEvents } from '../../src/poe/wheel.ts';
import { runSession } from '../../src/worker/runtime/run-session.ts';
import { settle, worker } from '../worker/session/conversation-log.ts';
import { duplexPair, type DuplexPair } from '../worker/session/duplex-pair.ts';
import { serveTCP } from './served.ts';

interface Run extends DuplexPair {
  readonly reports: readonly unknown[];
}

const ignore = (): undefined => undefined;

describe("the wheel's events", () => {
  it('an InputEvent starts a paused wheel again, as in the ancestor', async () => {
    const { peer, log, received, session } = serveTCP({
      InlineStates: { other: ({ heap, arg0 }) => heap.client.put(`other ${String(arg0)}`) },
      ClientInput: ({ heap }) => {
        heap.client.pause_input();
      },
    });
    peer.write('a\nb\n');
    await settle();
    peer.write('c\n');
    await settle();
    expect(log).toEqual(['Input[a]']);
    expect(received()).toBe('');
    session.client?.resumeInput();
    await settle();
    expect(log).toEqual(['Input[a]', 'Input[b]']);
    peer.write('d\n');
    await settle();
    expect(received()).toBe('');
  });

  it('an InputEvent given while paused delivers all that waits to the new event', async () => {
    const { peer, log, received } = serveTCP({
      InlineStates: {
        redirect: ({ heap }) => {
          heap.client.event({ InputEvent: 'other' });
        },
        other: ({ heap, arg0 }) => heap.client.put(`other ${String(arg0)}`),
      },
      ClientInput: ({ heap, kernel }) => {
        heap.client.pause_input();
        kernel.yield('redirect');
      },
    });
    peer.write('a\nb\n');
    await settle();
    expect(log).toEqual(['Input[a]']);
    expect(received()).toBe('other b\r\n');
    peer.reset();
  });

  it('Flushed may become the shutdown: the usual way to send one answer and close', async () => {
    const { peer, received, done } = serveTCP({
      ClientInput: ({ heap: { client } }) => {
        client.put('bye');
        client.event({ FlushedEvent: 'shutdown' });
      },
    });
    peer.write('a\n');
    await done;
    expect(received()).toBe('bye\r\n');
  });

  it.each<[string, object, string]>([
    ['an event that is no event of a wheel', { Input: 'known' }, 'has no Input of a wheel'],
    ['an event that the session does not know', { InputEvent: 'nonsense' }, 'has no event "nonsense"'],
    ['marks that were not given', { HighEvent: 'known' }, 'has no marks for the HighEvent'],
    ['marks that were not given', { LowEvent: 'known' }, 'has no marks for the LowEvent'],
  ])('%s is refused, and nothing changes: %j', async (_, events, message) => {
    const { peer, log } = serveTCP({
      InlineStates: { known: ignore },
      ClientInput: ({ heap: { client } }) => {
        expect(() => {
          client.event({ InputEvent: 'known', ...(events as WheelEvents) });
        }).toThrow(message);
      },
    });
    peer.write('a\nb\n');
    await settle();
    expect(log).toEqual(['Input[a]', 'Input[b]']);
    peer.reset();
  });

  it('what is thrown is not lost where errors are told to nobody', async () => {
    const { peer, reports, done } = serveTCP({
      ClientConnected: ({ heap: { client } }) => {
        client.event({ ErrorEvent: undefined });
      },
      ClientInput: () => {
        throw new TypeError('boom');
      },
    });
    peer.write('a\n');
    await done;
    expect(reports).toMatchObject([{ callback: 'clientInput', error: { message: 'boom' } }]);
  });
});

describe("the heap's shutdown, set by hand", () => {
  it('ignores input, and closes once output has left', async () => {
    const { peer, log, received, done } = serveTCP({
      ClientInput: ({ heap }) => {
        heap.client.put('last words');
        heap.shutdown = 1;
      },
      ClientDisconnected: ignore,
    });
    peer.write('a\nb\n');
    await done;
    await settle();
    expect(log).toEqual(['Input[a]', 'Disconnected(1,undefined,client)']);
    expect(received()).toBe('last words\r\n');
  });
});

describe('a wheel that is deleted', () => {
  it.each<[string, (heap: object) => unknown]>([
    ['at once', (heap) => Reflect.deleteProperty(heap, 'client')],
    [
      'in a promise',
      async (heap) => {
        await settle(1);
        Reflect.deleteProperty(heap, 'client');
      },
    ],
  ])('%s hangs up: what waits is gone, and Disconnected comes once', async (_, hangUp) => {
    const { peer, log, received, done } = serveTCP(
      {
        ClientInput: ({ heap }) => {
          heap.client.put('x'.repeat(10_000));
          return hangUp(heap);
        },
        ClientDisconnected: ignore,
      },
      { peerReads: false, highWaterMark: 1000 },
    );
    peer.write('a\nb\n');
    await done;
    expect(log).toEqual(['Input[a]', 'Disconnected(1,undefined,no client)']);
    expect(received()).toBe('');
  });

  it('in an event, too', async () => {
    const { peer, log, done } = serveTCP({
      InlineStates: { gone: ({ heap }) => Reflect.deleteProperty(heap, 'client') },
      ClientInput: ({ kernel }) => kernel.yield('gone'),
      ClientDisconnected: ignore,
    });
    peer.write('a\n');
    await done;
    expect(log).toEqual(['Input[a]', 'Disconnected(1,undefined,no client)']);
  });
});

describe('bad input', () => {
  it.each<[FilterParameter, string, string]>([
    [['Line', 'MaxLength', 3], 'abcd\n', 'Next line exceeds maximum line length: '],
    [['Block', 'MaxLength', 3], '4\0abcd', 'Expected size of next block exceeds the limit: '],
    ['Block', 'garbage', 'Strange bytes removed from stream: '],
    [['Line', 'MaxLength', 3, 'MaxBuffer', 65_539], 'a'.repeat(70_000), 'Framing buffer exceeds the limit: '],
    ['Reference', '4\0oops', 'A reference of 4 bytes cannot be decoded'],
  ])(
    "of %j is told with the ancestor's reason and ends that connection",
    async (ClientFilter, input, why) => {
      const { peer, log, done } = serveTCP({
        ClientFilter,
        ClientInput: ignore,
        ClientError: ({ arg0, arg1, arg2 }) => {
          expect([arg0, arg1]).toEqual(['read', constants.errno.EBADMSG]);
          expect(arg2.startsWith(why)).toBe(true);
        },
        ClientDisconnected: ignore,
      });
      peer.write(input);
      await done;
      expect(log).toHaveLength(2);
      expect(log[1]).toBe('Disconnected(1,1,client)');
    },
  );
});

describe('without ClientError', () => {
  it.each<[number, string]>([
    [1, 'Disconnected(1,1,client)'],
    [0, 'Disconnected(1,undefined,client)'],
  ])('with ClientShutdownOnError %i a throw ends the connection and the heap says so', async (on, end) => {
    const { peer, log, reports, done } = serveTCP({
      ClientShutdownOnError: on,
      ClientInput: () => {
        throw new TypeError('boom');
      },
      ClientDisconnected: ignore,
    });
    peer.write('a\nb\n');
    await done;
    expect(log).toEqual(['Input[a]', end]);
    expect(reports).toHaveLength(1);
  });
});

describe('custom events', () => {
  it('are those of connections, not of the listener', async () => {
    const { peer, reports, done } = serveTCP({
      InlineStates: { mine: ignore },
      ClientInput: ({ kernel, session, arg0 }) => {
        expect(kernel.post(session, 'mine')).toBe(true);
        kernel.post(arg0, 'mine');
      },
    });
    peer.write('prefork_server\n');
    await done;
    expect(reports).toMatchObject([
      { error: { message: expect.stringContaining('has no event "mine" of prefork_server') as string } },
    ]);
  });
});

describe('aliases', () => {
  const parameters: PreforkTCPParameters = {
    InlineStates: { say: ({ heap, arg0 }) => heap.client.put(String(arg0)) },
    ClientInput: ({ kernel, heap, arg0 }) => {
      const [word = '', name = ''] = arg0.split(' ');
      const does: Record<string, () => boolean> = {
        set: () => kernel.alias_set(name),
        remove: () => kernel.alias_remove(name),
        post: () => kernel.post(name, 'say', 'posted'),
      };
      heap.client.put(`${arg0}: ${String(does[word]?.())}`);
    },
  };

  it('a session is reached by them, until they are taken back', async () => {
    const { peer, received } = serveTCP(parameters);
    peer.write('post me\nset me\nset me\npost me\n');
    await settle();
    expect(received()).toBe('post me: false\r\nset me: true\r\nset me: true\r\npost me: true\r\nposted\r\n');
    peer.write('remove me\nremove me\npost me\n');
    await settle();
    expect(received()).toMatch(/remove me: true\r\nremove me: false\r\npost me: false\r\n$/);
    peer.reset();
  });

  it('one that another session has is not given, nor taken', async () => {
    const { peer, received } = serveTCP(parameters);
    peer.write('set prefork_master\nremove prefork_master\n');
    await settle();
    expect(received()).toBe('set prefork_master: false\r\nremove prefork_master: false\r\n');
    peer.reset();
  });

  it('are names, and go with their session', async () => {
    let last: unknown;
    const { peer, reports, done } = serveTCP({
      ...parameters,
      ClientDisconnected: ({ kernel }) => {
        expect(kernel.alias_set('me')).toBe(true);
        setImmediate(() => {
          last = [kernel.post('me', 'say'), kernel.alias_set('me'), kernel.post('me', 'say')];
        });
      },
    });
    peer.write('set \n');
    await done;
    await settle();
    expect(reports).toMatchObject([
      { error: { message: expect.stringContaining('needs a name') as string } },
    ]);
    expect(last).toEqual([false, false, false]);
  });
});

describe('an Acceptor', () => {
  const accept = (Acceptor: NonNullable<PreforkTCPParameters['Acceptor']>, started = true): Run => {
    const handlers = workerHandlers({ Acceptor }, 10);
    if (started) handlers.workerStarted?.(worker);
    const { socket, peer } = duplexPair();
    const reports: unknown[] = [];
    const report = (error: unknown): void => void reports.push(error);
    runSession({ socket, handlers, worker, maxOutput: Infinity, report, done: ignore });
    return { socket, peer, reports };
  };

  it('may post disconnected, which has nothing to do: the main thread counts', async () => {
    const posted: boolean[] = [];
    const { socket, peer, reports } = accept(({ kernel, heap }) => {
      posted.push(kernel.post(heap.alias, 'disconnected'));
    });
    await settle();
    expect([posted, reports, socket.destroyed]).toEqual([[true], [], false]);
    peer.reset();
  });

  it('is never left out in silence: without its session the connection is closed, and says why', async () => {
    const { socket, reports } = accept(ignore, false);
    await settle();
    expect(socket.destroyed).toBe(true);
    expect(reports).toMatchObject([{ message: 'PreforkTCP: prefork_server is no session of worker 1' }]);
  });
});

describe('HTTPD with Streaming', () => {
  it('two posts and a get on one connection, and whoever waits for 100 Continue gets it', async () => {
    let size = 0;
    const { peer, received } = serveTCP<HttpdRecord<true>, HttpResponse>({
      ClientFilter: ['POE::Filter::HTTPD', 'Streaming', 1],
      ClientInput: ({ heap, arg0: record }) => {
        if ('status' in record) return;
        size = 'isLast' in record ? size + record.body.length : 0;
        if ('headers' in record && record.headers.has('expect')) {
          heap.client.put({ status: 100, version: 'HTTP/1.1' });
        }
        const isWhole = 'isLast' in record ? record.isLast : !record.bodyFollows;
        if (isWhole) heap.client.put({ status: 200, body: `${size} bytes;` });
      },
    });
    const head = 'POST / HTTP/1.1\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n';
    const ok = 'HTTP/1.0 200 OK\r\n\r\n';
    const goOn = 'HTTP/1.1 100 Continue\r\n\r\n';
    peer.write(head);
    await settle();
    expect(received()).toBe(goOn);
    peer.write(Buffer.alloc(100_000));
    await settle();
    peer.write(
      Buffer.concat([Buffer.from(head), Buffer.alloc(100_000), Buffer.from('GET / HTTP/1.1\r\n\r\n')]),
    );
    await settle();
    const answer = `${ok}100000 bytes;`;
    expect(received()).toBe(`${goOn}${answer}${goOn}${answer}${ok}0 bytes;`);
    peer.reset();
  });
});
