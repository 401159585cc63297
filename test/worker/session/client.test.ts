import { describe, expect, it } from 'vitest';
import { LineFilter } from '../../../src/common/filters/line.ts';
import { StreamFilter } from '../../../src/common/filters/stream.ts';
import { type Client } from '../../../src/worker/session/client.ts';
import { type ClientContext, type Handlers } from '../../../src/worker/session/handlers.ts';
import { gate, serve, settle, worker, type Served, type ServeOptions } from './conversation-log.ts';

const ignore = (): undefined => undefined;

function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('threw nothing');
}

/** A client at the end of a connection that does nothing by itself. */
function connect(
  handlers: Handlers = {},
  options: ServeOptions = {},
): Served & { client: Client; context: ClientContext } {
  let context: ClientContext | undefined;
  const served = serve(
    { clientInput: ignore, clientConnected: (given) => void (context = given), ...handlers },
    options,
  );
  if (!context) throw new Error('not connected');
  return { ...served, context, client: context.client };
}

describe('a method of a socket that a client does not have', () => {
  it.each([
    ['write', 'use put()'],
    ['send', 'use put()'],
    ['end', 'use shutdown(), or'],
    ['close', 'use shutdown(), or'],
    ['pause', 'use pauseInput()'],
    ['resume', 'use resumeInput()'],
    ['on', 'use a handler'],
  ])('%s says which one is meant, from the line of its caller', (name, instead) => {
    const { client } = connect();
    const method = Reflect.get(client, name) as (text: string) => unknown;
    const call = (): unknown => method.call(client, 'text');
    expect(call).toThrow(expect.objectContaining({ name: 'ForklessError', code: 'FORKLESS_NO_SUCH_METHOD' }));
    expect(call).toThrow(`has no ${name}(): ${instead}`);
    const { stack } = thrownBy(call);
    expect(stack?.split('\n')[1]).toContain('client.test.ts');
  });

  it('is in no type, and in no list of what a client has', () => {
    const { client } = connect();
    // @ts-expect-error There is none.
    expect(typeof client.write).toBe('function');
    expect(Object.keys(client)).not.toContain('write');
    // These are its own.
    client.destroy();
  });
});

describe('put', () => {
  it('sends all records in order', async () => {
    const { client, received } = connect();
    client.put('a', 'b');
    client.put('c');
    expect(client.put()).toBe(true);
    await settle();
    expect(received()).toBe('a\r\nb\r\nc\r\n');
  });

  it('returns false when output should wait for Flushed, as write does', async () => {
    const { client, peer, trace } = connect(
      { clientFlushed: ignore },
      { peerReads: false, highWaterMark: 100 },
    );
    expect(client.put('x'.repeat(200))).toBe(false);
    expect(client.put('y', 'z')).toBe(false);
    expect(client.pendingOutput).toBeGreaterThan(200);
    await settle();
    expect(trace).not.toContain('Flushed');
    peer.resume();
    await settle();
    expect(trace.filter((each) => each === 'Flushed')).toHaveLength(1);
    expect(client.pendingOutput).toBe(0);
  });

  it('several puts in a row give one Flushed, which never runs inside put', async () => {
    const { client, trace } = connect({ clientFlushed: ignore });
    client.put('a');
    client.put('b');
    client.put('c', 'd');
    expect(trace).not.toContain('Flushed');
    await settle();
    expect(trace.filter((each) => each === 'Flushed')).toHaveLength(1);
  });

  it('put in Flushed gives the next Flushed', async () => {
    let left = 3;
    const { client, trace } = connect({
      clientFlushed: (context) => left-- > 0 && context.client.put('more'),
    });
    client.put('first');
    await settle();
    expect(trace.filter((each) => each === 'Flushed')).toHaveLength(4);
  });

  it.each<[string, (client: Client) => void]>([
    [
      'shutdown',
      (client) => {
        client.shutdown();
      },
    ],
    [
      'destroy',
      (client) => {
        client.destroy();
      },
    ],
    ['end of the socket', (client) => client.socket.end()],
  ])('after %s it sends nothing, returns false and does not throw', async (_, close) => {
    const { client, received, reports } = connect();
    client.put('before');
    close(client);
    expect(client.put('after')).toBe(false);
    expect(client.put('after', 'after')).toBe(false);
    await settle();
    expect(client.put('late')).toBe(false);
    expect(received()).not.toContain('a');
    expect(reports).toEqual([]);
  });

  it('in clientDisconnected it sends nothing', async () => {
    const { client, done } = connect({
      clientDisconnected: (context) => {
        expect(context.client.put('x')).toBe(false);
      },
    });
    client.shutdown();
    await done;
  });
});

describe('the bound of output', () => {
  const options = { peerReads: false, highWaterMark: 100, maxOutput: 1000 };

  it('a single large put passes, the next one destroys the connection', async () => {
    const { client, trace, reports, done } = connect({ clientError: ignore }, options);
    client.put('x'.repeat(5000));
    expect(client.socket.destroyed).toBe(false);
    expect(client.put('y')).toBe(false);
    expect(client.socket.destroyed).toBe(true);
    await done;
    expect(trace.slice(2)).toEqual(['Error(write,FORKLESS_OUTPUT_OVERFLOW)', 'Disconnected']);
    expect(reports).toEqual([]);
  });

  it('without clientError it is reported', async () => {
    const { client, reports, done } = connect({}, options);
    client.put('x'.repeat(5000));
    client.put('y');
    await done;
    expect(reports).toMatchObject([{ error: { code: 'FORKLESS_OUTPUT_OVERFLOW' }, callback: 'put' }]);
  });

  it('output that leaves in time passes, however much it is', async () => {
    const { client, peer } = connect({}, { ...options, peerReads: true });
    for (let round = 0; round < 20; round += 1) {
      client.put('x'.repeat(900));
      await settle(1);
    }
    expect(peer.destroyed).toBe(false);
    expect(client.socket.destroyed).toBe(false);
  });
});

describe('shutdown', () => {
  it('flushes everything that was put, also to a slow peer', async () => {
    const { client, peer, trace, done } = connect({}, { peerReads: false, highWaterMark: 1000 });
    client.put('x'.repeat(1_000_000));
    client.shutdown();
    client.shutdown();
    expect(client.isShutdown).toBe(true);
    await settle();
    expect(trace).not.toContain('Disconnected');
    let length = 0;
    for await (const chunk of peer) length += (chunk as Buffer).length;
    await done;
    expect(length).toBe(1_000_002);
    expect(trace.filter((each) => each === 'Disconnected')).toHaveLength(1);
  });

  it('discards what comes while it flushes, and the end of input is no error then', async () => {
    const { client, peer, socket, trace, done } = connect(
      { clientError: ignore },
      { peerReads: false, highWaterMark: 1000 },
    );
    client.put('x'.repeat(10_000));
    client.shutdown();
    peer.end(Buffer.alloc(100_000, '\n'));
    await settle(200);
    expect(socket.readableEnded).toBe(true);
    peer.resume();
    await done;
    expect(trace).toEqual(['PreConnect', 'Connected', 'Disconnected']);
  });

  it('in an async Input discards input too', async () => {
    const slow = gate();
    const { peer, socket, done } = serve(
      {
        clientInput: ({ client }) => {
          client.put('x'.repeat(10_000));
          client.shutdown();
          client.pauseInput();
          return slow.promise;
        },
      },
      { peerReads: false, highWaterMark: 1000 },
    );
    peer.end(Buffer.alloc(100_000, '\n'));
    await settle(200);
    expect(socket.readableEnded).toBe(true);
    peer.resume();
    slow.open();
    await done;
  });

  it('in Connected: no Input', async () => {
    const { peer, trace, done, received } = serve({
      clientConnected: ({ client }) => {
        client.put('full');
        client.shutdown();
      },
      clientInput: ignore,
    });
    peer.write('a\n');
    await done;
    await settle();
    expect(trace).toEqual(['PreConnect', 'Connected', 'Disconnected']);
    expect(received()).toBe('full\r\n');
  });

  it('after the socket was ended directly it closes all the same', async () => {
    const { client, trace, done } = connect();
    client.socket.end();
    await settle();
    client.shutdown();
    await done;
    expect(trace.at(-1)).toBe('Disconnected');
  });
});

describe('destroy', () => {
  it('without an error is silent', async () => {
    const { client, trace, done } = connect({ clientError: ignore });
    client.destroy();
    client.destroy();
    client.shutdown();
    await done;
    await settle();
    expect(trace).toEqual(['PreConnect', 'Connected', 'Disconnected']);
  });

  it('with an error tells clientError, or reports', async () => {
    const error = new Error('enough');
    const told = connect({ clientError: ignore });
    told.client.destroy(error);
    const untold = connect();
    untold.client.destroy(error);
    await Promise.all([told.done, untold.done]);
    expect(told.trace.slice(2)).toEqual(['Error(handler,enough)', 'Disconnected']);
    expect(told.reports).toEqual([]);
    expect(untold.reports).toEqual([{ error, connectionId: 7, callback: 'destroy' }]);
  });
});

describe('pauseInput and resumeInput', () => {
  it('stop at once, also within one read, and go on', async () => {
    const { peer, trace, done, session } = serve({
      clientInput: ({ client }, line) => {
        if (line === 'stop') client.pauseInput();
      },
    });
    peer.end('a\nstop\nb\n');
    await settle();
    expect(trace.slice(2)).toEqual(['Input[a]', 'Input[stop]']);
    session.client?.resumeInput();
    expect(trace).toHaveLength(4);
    await done;
    expect(trace.slice(4)).toEqual(['Input[b]', 'Disconnected']);
  });

  it('pause in Connected holds the first record back', async () => {
    const { peer, trace, done, session } = serve({
      clientConnected: ({ client }) => {
        client.pauseInput();
      },
      clientInput: ignore,
    });
    peer.end('a\n');
    await settle();
    expect(trace).toEqual(['PreConnect', 'Connected']);
    session.client?.resumeInput();
    await done;
    expect(trace.slice(2)).toEqual(['Input[a]', 'Disconnected']);
  });

  it('hold the peer back', async () => {
    const { client, peer } = connect({}, { highWaterMark: 1000 });
    client.pauseInput();
    peer.write(Buffer.alloc(10_000));
    await settle();
    expect(peer.writableNeedDrain).toBe(true);
    client.resumeInput();
    await settle();
    expect(peer.writableNeedDrain).toBe(false);
  });
});

describe('filters changed on the way', () => {
  it('in Input, in the middle of one read: the rest goes to the new filter', async () => {
    const { peer, trace, done, received } = serve<object, string | Buffer, string | Uint8Array>({
      clientFilter: new LineFilter(),
      clientInput: ({ client }, record) => {
        if (record === 'raw') client.setFilter(new StreamFilter());
        client.put(`<${String(record)}>`);
      },
    });
    peer.end('a\nraw\nb\nc');
    await done;
    await settle();
    expect(trace.slice(2)).toEqual(['Input[a]', 'Input[raw]', 'Input[b\nc]', 'Disconnected']);
    expect(received()).toBe('<a>\r\n<raw><b\nc>');
  });

  it('from outside: what was unparsed is delivered, not inside the call', async () => {
    const { client, peer, trace } = connect();
    peer.write('partial');
    await settle();
    client.setInputFilter(new StreamFilter() as never);
    expect(trace).toHaveLength(2);
    await settle();
    expect(trace.slice(2)).toEqual(['Input[partial]']);
  });

  it('while a promise is pending', async () => {
    const slow = gate();
    const { peer, trace, session, done } = serve({ clientInput: () => slow.promise });
    peer.end('a\nb\nc');
    await settle();
    session.client?.setInputFilter(new StreamFilter());
    await settle();
    expect(trace.slice(2)).toEqual(['Input[a]']);
    slow.open();
    await done;
    expect(trace.slice(2)).toEqual(['Input[a]', 'Input[b\nc]', 'Disconnected']);
  });

  it('output alone', async () => {
    const { client, received } = connect();
    client.put('a');
    client.setOutputFilter(new StreamFilter());
    client.put('b');
    await settle();
    expect(received()).toBe('a\r\nb');
  });

  it('clients never share a filter object, also when they are given the same', () => {
    const shared = new LineFilter();
    const [one, two] = [connect({ clientFilter: shared }), connect({ clientFilter: shared })];
    expect(one.client.inputFilter).not.toBe(two.client.inputFilter);
    one.client.setFilter(shared);
    two.client.setFilter(shared);
    expect(one.client.inputFilter).not.toBe(two.client.inputFilter);
    expect(one.client.inputFilter).toBe(one.client.outputFilter);
  });

  it('nothing is delivered after the end of input was told', async () => {
    const { peer, trace, session } = serve({
      clientShutdownOnError: false,
      clientInput: ignore,
      clientError: ({ client }) => {
        client.setInputFilter(new StreamFilter() as never);
      },
    });
    peer.end('partial');
    await settle();
    expect(trace.slice(2)).toEqual(['Error(read,EOF)']);
    session.client?.destroy();
  });
});

describe('what a client knows', () => {
  it('addresses, number and socket', () => {
    const { client, socket } = connect();
    expect(client).toMatchObject({
      id: 7,
      remoteAddress: '192.0.2.1',
      remotePort: 50_000,
      remoteFamily: 'IPv4',
      localAddress: '192.0.2.2',
      localPort: 10_000,
      localFamily: 'IPv4',
      isShutdown: false,
      pendingOutput: 0,
    });
    expect(client.socket).toBe(socket);
  });

  it('the context is one object, with a heap of its own', () => {
    const [one, two] = [connect(), connect()];
    expect(one.context.heap).toEqual({});
    expect(one.context.heap).not.toBe(two.context.heap);
    expect(one.context.worker).toBe(worker);
  });
});
