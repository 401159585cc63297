import { describe, expect, it } from 'vitest';
import { LineFilter } from '../../src/common/filters/line.ts';
import { type ConnectionHeap } from '../../src/poe/parameters.ts';
import { type Kernel } from '../../src/poe/kernel.ts';
import { serveTCP } from './served.ts';
import { settle } from '../worker/session/conversation-log.ts';

const ignore = (): undefined => undefined;
const watched = { ClientConnected: ignore, ClientError: ignore, ClientDisconnected: ignore };

describe("the ancestor's callback orders", () => {
  it('a line, then the end', async () => {
    const { peer, log, done } = serveTCP({ ...watched, ClientInput: ignore });
    peer.end('a\r\n');
    await done;
    expect(log).toEqual(['Connected()', 'Input[a]', 'Error(read,0,)', 'Disconnected(1,1,client)']);
  });

  it('a partial line at the end is dropped', async () => {
    const { peer, log, done } = serveTCP({ ...watched, ClientInput: ignore });
    peer.end('a\nb');
    await done;
    expect(log).toEqual(['Connected()', 'Input[a]', 'Error(read,0,)', 'Disconnected(1,1,client)']);
  });

  it('put and a posted shutdown in Input: the later lines of the same read are served', async () => {
    const { peer, log, done, received } = serveTCP({
      ...watched,
      ClientInput: ({ heap, kernel, arg0 }) => {
        heap.client.put(`got ${arg0}`);
        if (arg0 === 'quit') kernel.yield('shutdown');
      },
      ClientFlushed: ignore,
    });
    peer.write('quit\nafter1\nafter2\n');
    await done;
    await settle();
    expect(log).toEqual([
      'Connected()',
      'Input[quit]',
      'Input[after1]',
      'Input[after2]',
      'Flushed',
      'Disconnected(1,undefined,client)',
    ]);
    expect(received()).toBe('got quit\r\ngot after1\r\ngot after2\r\n');
  });

  it('a called shutdown in Input: the later lines are ignored, what was put is flushed', async () => {
    const { peer, log, done, received } = serveTCP({
      ...watched,
      ClientInput: ({ heap, kernel, session }) => {
        heap.client.put('bye');
        kernel.call(session, 'shutdown');
      },
    });
    peer.write('quit\nafter1\nafter2\n');
    await done;
    await settle();
    expect(log).toEqual(['Connected()', 'Input[quit]', 'Disconnected(1,undefined,client)']);
    expect(received()).toBe('bye\r\n');
  });

  it('lines of a later read, after a shutdown, are ignored while output is flushed', async () => {
    const { peer, log, done } = serveTCP(
      {
        ClientInput: ({ heap, kernel }) => {
          heap.client.put('x'.repeat(10_000));
          kernel.yield('shutdown');
        },
      },
      { peerReads: false, highWaterMark: 1000 },
    );
    peer.write('quit\n');
    await settle();
    peer.write('late\n');
    await settle();
    peer.resume();
    await done;
    expect(log).toEqual(['Input[quit]']);
  });

  it('a called shutdown in Flushed: one Disconnected (the ancestor had two)', async () => {
    const { peer, log, done } = serveTCP({
      ...watched,
      ClientInput: ({ heap }) => heap.client.put('x'),
      ClientFlushed: ({ kernel, session }) => {
        kernel.call(session, 'shutdown');
      },
    });
    peer.write('a\n');
    await done;
    await settle();
    expect(log).toEqual(['Connected()', 'Input[a]', 'Flushed', 'Disconnected(1,undefined,client)']);
  });

  it('a reset by the peer', async () => {
    const { peer, log, done } = serveTCP({ ...watched, ClientInput: ignore });
    peer.reset();
    await done;
    expect(log).toEqual([
      'Connected()',
      'Error(read,104,Connection reset by peer)',
      'Disconnected(1,1,client)',
    ]);
  });

  it('a reset discards the output that waits', async () => {
    const { peer, log, done } = serveTCP(
      { ...watched, ClientInput: ({ heap }) => heap.client.put('x'.repeat(10_000)), ClientFlushed: ignore },
      { peerReads: false, highWaterMark: 1000 },
    );
    peer.write('a\n');
    await settle();
    peer.reset();
    await done;
    expect(log.slice(2)).toEqual(['Error(read,104,Connection reset by peer)', 'Disconnected(1,1,client)']);
  });

  it.each([undefined, Promise.resolve(undefined)])(
    'PreConnect without a socket to return: closed, nothing else',
    async (answer) => {
      const { peer, socket, log, done } = serveTCP({
        ...watched,
        ClientInput: ignore,
        ClientPreConnect: ({ heap, arg0 }) => {
          expect(heap.client).toBeUndefined();
          expect(heap.remote_ip).toBe('192.0.2.1');
          expect(heap.remote_port).toBe(50_000);
          expect(arg0.readable).toBe(true);
          return answer;
        },
      });
      peer.end('a\n');
      await done;
      expect(log).toEqual(['PreConnect']);
      expect(socket.destroyed).toBe(true);
    },
  );

  it('PreConnect may return any thenable, also one whose `then` gives nothing back', async () => {
    const later = (answer: unknown) => ({
      then: (resolve: (answer: unknown) => void) => {
        setImmediate(resolve, answer);
      },
    });
    const fine = serveTCP({ ClientInput: ignore, ClientPreConnect: ({ arg0 }) => later(arg0) });
    const refused = serveTCP({ ClientInput: ignore, ClientPreConnect: () => later(undefined) });
    for (const { peer } of [fine, refused]) peer.end('a\n');
    await Promise.all([fine.done, refused.done]);
    expect([fine.log, refused.log]).toEqual([['PreConnect', 'Input[a]'], ['PreConnect']]);
  });

  it('an event that fails before there is a client ends the connection', async () => {
    const { socket, done } = serveTCP({
      ClientInput: ignore,
      ClientPreConnect: async ({ kernel, arg0 }) => {
        kernel.yield('fail');
        await settle(4);
        return arg0;
      },
      InlineStates: {
        fail: () => {
          throw new Error('on purpose');
        },
      },
    });
    await done;
    expect(socket.errored).toMatchObject({ message: 'on purpose' });
  });

  it('PreConnect that returns its socket accepts; another one is refused with the reason', async () => {
    const fine = serveTCP({ ClientInput: ignore, ClientPreConnect: ({ arg0 }) => arg0 });
    fine.peer.end('a\n');
    await fine.done;
    expect(fine.log).toEqual(['PreConnect', 'Input[a]']);
    const other = serveTCP({ ClientInput: ignore, ClientPreConnect: () => ({}) });
    await other.done;
    expect(other.reports).toMatchObject([
      { callback: 'clientPreConnect', error: { code: 'FORKLESS_BAD_PARAMETER' } },
    ]);
  });

  it('ClientShutdownOnError 0: one Error at the end of input, output goes on until shutdown', async () => {
    let kept: { heap: ConnectionHeap; kernel: Kernel } | undefined;
    const { peer, log, done, received } = serveTCP({
      ...watched,
      ClientShutdownOnError: 0,
      ClientInput: ignore,
      ClientFlushed: ignore,
      ClientError: ({ heap, kernel }) => {
        kept = { heap, kernel };
        heap.client.put('late');
      },
    });
    peer.end('a\n');
    await settle();
    expect(log).toEqual(['Connected()', 'Input[a]', 'Error(read,0,)', 'Flushed']);
    kept?.kernel.yield('shutdown');
    await done;
    expect(log.at(-1)).toBe('Disconnected(1,undefined,client)');
    expect(received()).toBe('late\r\n');
    expect(kept?.heap).not.toHaveProperty('client');
  });

  it('the heap decides about errors when they come', async () => {
    const { peer, log, isDone, socket } = serveTCP({
      ...watched,
      ClientConnected: ({ heap }) => void (heap.shutdown_on_error = 0),
      ClientInput: ignore,
    });
    peer.end();
    await settle();
    expect(log).toEqual(['Connected()', 'Error(read,0,)']);
    expect(isDone()).toBe(false);
    socket.destroy();
  });

  it('ClientInputFilter Stream with ClientOutputFilter Line', async () => {
    const { peer, log, done, received } = serveTCP({
      ClientInputFilter: 'POE::Filter::Stream',
      ClientOutputFilter: 'POE::Filter::Line',
      ClientInput: ({ heap }) => heap.client.put('x'),
    });
    peer.end('a\r\nb');
    await done;
    await settle();
    expect(log).toEqual(['Input[a\r\nb]']);
    expect(received()).toBe('x\r\n');
  });

  it('five clients: as many connects, inputs, flushes and disconnects', async () => {
    const logs = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const { peer, log, done } = serveTCP({
          ...watched,
          ClientInput: ({ heap, kernel }) => {
            heap.client.put('answer');
            kernel.yield('shutdown');
          },
          ClientFlushed: ignore,
        });
        peer.write('a\n');
        await done;
        return log;
      }),
    );
    const expected = ['Connected()', 'Input[a]', 'Flushed', 'Disconnected(1,undefined,client)'];
    expect(logs).toEqual(Array(5).fill(expected));
  });

  it('an end right behind complete lines: every answer arrives, also those of posted events', async () => {
    const { peer, received, done } = serveTCP({
      InlineStates: { answer: ({ heap, arg0 }) => heap.client.put(`answer ${String(arg0)}`) },
      ClientInput: ({ kernel, arg0 }) => kernel.yield('answer', arg0),
    });
    const lines = Array.from({ length: 100 }, (_, at) => `${at}`);
    peer.end(`${lines.join('\n')}\n`);
    await done;
    await settle();
    expect(received()).toBe(lines.map((line) => `answer ${line}\r\n`).join(''));
  });

  it('ClientArgs reach Connected', () => {
    expect(serveTCP({ ClientInput: ignore, ClientConnected: ignore, ClientArgs: [1, 2, 3] }).log).toEqual([
      'Connected(1,2,3)',
    ]);
  });

  it('a line over its limit: the reason, then the shutdown; what ClientError puts is flushed', async () => {
    const { peer, log, done, received } = serveTCP({
      ...watched,
      ClientFilter: ['POE::Filter::Line', 'MaxLength', 3],
      ClientInput: ignore,
      ClientError: ({ heap, arg1 }) => {
        expect(arg1).toBeGreaterThan(0);
        heap.client.put('too long');
      },
    });
    peer.write('abcd\nx\n');
    await done;
    await settle();
    expect(log[1]).toMatch(
      /^Error\(read,\d+,Next line exceeds maximum line length: A line of \d+ bytes or more \(limit 3\)\)$/,
    );
    expect(log.slice(2)).toEqual(['Disconnected(1,1,client)']);
    expect(received()).toBe('too long\r\n');
  });

  it('without ClientError a throw is reported once', async () => {
    const { peer, log, reports, done } = serveTCP({
      ClientInput: () => {
        throw new TypeError('boom');
      },
      ClientDisconnected: ignore,
    });
    peer.write('a\n');
    await done;
    expect(log).toEqual(['Input[a]', 'Disconnected(1,1,client)']);
    expect(reports).toMatchObject([{ callback: 'clientInput', error: { message: 'boom' } }]);
  });
});

describe('events of a connection', () => {
  it('InlineStates, ObjectStates and PackageStates', async () => {
    class Package {
      readonly instance = true;
      static stamp({ heap }: { heap: ConnectionHeap }): void {
        heap.client.put('package');
      }
    }
    const object = {
      name: 'object',
      say(this: { name: string }, { heap, object: self, arg0, sender, session }: never): void {
        const { client } = heap as ConnectionHeap;
        expect(self).toBe(object);
        expect(sender).toBe(session);
        client.put(`${this.name} ${String(arg0)}`);
      },
    };
    const { peer, received, done } = serveTCP({
      InlineStates: {
        inline: ({ heap, kernel, session, state, args }) => {
          heap.client.put(`${state} ${args.join(' ')}`);
          expect(kernel.call(session, 'sum')).toBe(3);
        },
        sum: () => 3,
      },
      ObjectStates: [object, { renamed: 'say' }],
      PackageStates: [Package, ['stamp']],
      ClientInput: ({ kernel }) => {
        kernel.yield('inline', 1, 2);
        kernel.yield('renamed', 'x');
        kernel.yield('stamp');
        kernel.yield('shutdown');
      },
    });
    peer.write('go\n');
    await done;
    await settle();
    expect(received()).toBe('inline 1 2\r\nobject x\r\npackage\r\n');
  });

  it('an event that nobody handles is refused by name, unless there is _default', async () => {
    const { peer, reports, done } = serveTCP({
      InlineStates: { here: ignore },
      ClientInput: ({ kernel }) => kernel.yield('there'),
    });
    peer.write('a\n');
    await done;
    expect(reports).toMatchObject([
      { error: { message: expect.stringContaining('has no event "there" in this session') as string } },
    ]);
    const other = serveTCP({
      InlineStates: {
        _default: ({ heap, arg0, arg1 }) => heap.client.put(`${String(arg0)} ${JSON.stringify(arg1)}`),
      },
      ClientInput: ({ kernel }) => kernel.yield('there', 1),
    });
    other.peer.end('a\n');
    await settle();
    expect(other.received()).toBe('there [1]\r\n');
  });

  it('a delay comes once, the last of its name counts, and one without seconds takes it back', async () => {
    const { peer, received } = serveTCP({
      InlineStates: { tick: ({ heap, arg0 }) => heap.client.put(`tick ${String(arg0)}`) },
      ClientInput: ({ kernel, arg0 }) => {
        kernel.delay('tick', 1000, 'never');
        kernel.delay('tick', 0.001, arg0);
        if (arg0 === 'none') kernel.delay('tick');
      },
    });
    peer.write('none\n');
    await settle();
    peer.write('one\n');
    while (received() === '') await settle(1);
    expect(received()).toBe('tick one\r\n');
    peer.reset();
  });

  it.each([-1, NaN, Infinity, 2_147_484])('a delay of %s seconds is refused', async (seconds) => {
    const { peer, reports, done } = serveTCP({
      InlineStates: { tick: ignore },
      ClientInput: ({ kernel }) => kernel.delay('tick', seconds),
    });
    peer.write('a\n');
    await done;
    expect(reports).toMatchObject([{ error: { code: 'FORKLESS_BAD_PARAMETER' } }]);
  });

  it('nothing runs after Disconnected: posted and delayed events are dropped', async () => {
    const ran: string[] = [];
    const { peer, done } = serveTCP({
      InlineStates: { tick: () => void ran.push('tick') },
      ClientInput: ignore,
      ClientDisconnected: ({ kernel, heap, session }) => {
        expect(kernel.yield('tick')).toBe(true);
        expect(kernel.delay('tick', 0.001)).toBe(true);
        ran.push('Disconnected');
        setImmediate(() => {
          ran.push(
            String(kernel.yield('tick')),
            String(kernel.post(session, 'tick')),
            String('client' in heap),
          );
        });
      },
    });
    peer.end('a\n');
    await done;
    // A later timer: the delay would have come before it.
    await new Promise((resolve) => setTimeout(resolve, 2));
    await settle();
    expect(ran).toEqual(['Disconnected', 'false', 'false', 'false']);
  });

  it('a session that posts to itself for ever does not keep its input out', async () => {
    const { peer, done } = serveTCP({
      InlineStates: { again: ({ kernel }) => kernel.yield('again') },
      ClientConnected: ({ kernel }) => kernel.yield('again'),
      ClientInput: ({ kernel }) => kernel.yield('shutdown'),
    });
    await settle();
    peer.write('quit\n');
    await done;
  });

  it('more events than MaxEvents end that connection', async () => {
    const { peer, reports, done } = serveTCP(
      {
        InlineStates: { event: ignore },
        ClientInput: ({ kernel }) => {
          for (let count = 0; count < 11; count += 1) kernel.yield('event');
        },
      },
      { maxEvents: 10 },
    );
    peer.write('a\n');
    await done;
    expect(reports).toMatchObject([{ error: { code: 'FORKLESS_EVENTS_OVERFLOW' } }]);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new RangeError('boom');
      },
    ],
    ['rejects', () => Promise.reject(new RangeError('boom'))],
  ])('an event that %s ends its connection, and ClientError hears of it', async (_, fail) => {
    const { peer, log, done } = serveTCP({
      ...watched,
      InlineStates: { fail },
      ClientInput: ({ kernel }) => kernel.yield('fail'),
    });
    peer.write('a\n');
    await done;
    expect(log.slice(2)).toEqual([
      expect.stringMatching(/^Error\(handler,\d+,boom\)$/) as string,
      'Disconnected(1,1,client)',
    ]);
  });

  it('shutdown, pause, resume and shutdown_all to the master are for this worker and for everything', async () => {
    const { peer, asked } = serveTCP({
      ClientInput: ({ kernel, heap, arg0 }) => {
        expect(kernel.post(heap.master_alias, arg0)).toBe(true);
      },
    });
    peer.write('shutdown\npause\nresume\nshutdown_all\n');
    await settle();
    expect(asked).toEqual(['retire', 'pause', 'resume', 'shutdown']);
    peer.reset();
  });

  it('an unknown event of the master is refused, an unknown session is not there', async () => {
    const { peer, reports, done } = serveTCP({
      ClientInput: ({ kernel, heap }) => {
        expect(kernel.post('nobody', 'shutdown')).toBe(false);
        expect(kernel.call(99, 'shutdown')).toBeUndefined();
        kernel.post(heap.master_alias, 'born');
      },
    });
    peer.write('a\n');
    await done;
    expect(reports).toMatchObject([
      { error: { message: expect.stringContaining('has no event "born" of prefork_master') as string } },
    ]);
  });

  it('not even one that every object has, of the master', async () => {
    const { peer, reports, done } = serveTCP({
      ClientInput: ({ kernel, heap }) => {
        expect(kernel.post('nobody', 'shutdown')).toBe(false);
        expect(kernel.call(99, 'shutdown')).toBeUndefined();
        kernel.post(heap.master_alias, 'toString');
      },
    });
    peer.write('a\n');
    await done;
    expect(reports).toMatchObject([
      { error: { message: expect.stringContaining('has no event "toString" of prefork_master') as string } },
    ]);
  });
});

describe('heap.client, the wheel', () => {
  it('put says true from the high mark on; the edges are told', async () => {
    const answers: boolean[] = [];
    const { peer, log } = serveTCP(
      {
        ClientInput: ({ heap }) => {
          for (let count = 0; count < 3; count += 1) answers.push(heap.client.put('x'.repeat(48)));
        },
        ClientHigh: ignore,
        ClientLow: ignore,
        HighMark: 100,
        LowMark: 10,
      },
      { peerReads: false, highWaterMark: 50 },
    );
    peer.write('a\n');
    await settle();
    expect(answers).toEqual([false, true, true]);
    peer.resume();
    await settle();
    expect(log).toEqual(['Input[a]', 'High', 'Low']);
    peer.reset();
  });

  it('without marks put is always false, and marks cannot be set', async () => {
    const { peer, done } = serveTCP(
      {
        ClientInput: ({ heap: { client }, kernel }) => {
          expect(client.put('x'.repeat(1000))).toBe(false);
          expect(() => {
            client.set_high_mark(100);
          }).toThrow('setMarks() needs');
          kernel.yield('shutdown');
        },
      },
      { highWaterMark: 50 },
    );
    peer.write('a\n');
    await done;
  });

  it('counts 19 octets in 1 message, and flush tells when they have left', async () => {
    let flushed: Promise<boolean> | undefined;
    const { peer } = serveTCP(
      {
        ClientInput: ({ heap: { client } }) => {
          client.put('x'.repeat(17));
          expect([client.get_driver_out_octets(), client.get_driver_out_messages()]).toEqual([19, 1]);
          flushed = client.flush();
        },
      },
      { peerReads: false, highWaterMark: 10 },
    );
    peer.write('a\n');
    await settle();
    peer.resume();
    expect(await flushed).toBe(true);
    peer.reset();
  });

  it('event() sends input to other events, nowhere, and the marks stay within their rules', async () => {
    const { peer, log, received } = serveTCP({
      InlineStates: { password: ({ heap, arg0 }) => heap.client.put(`secret ${String(arg0)}`) },
      ClientInput: ({ heap }) => {
        heap.client.event({ InputEvent: 'password', FlushedEvent: undefined });
      },
      ClientFlushed: ignore,
      ClientError: ignore,
    });
    peer.write('user\nopen\nsesame\n');
    await settle();
    expect(log).toEqual(['Input[user]']);
    expect(received()).toBe('secret open\r\nsecret sesame\r\n');
    peer.reset();
  });

  it('without an InputEvent nothing is read', async () => {
    const { peer, log, session } = serveTCP({
      ClientInput: ({ heap }) => {
        heap.client.event({ InputEvent: undefined });
      },
    });
    peer.write('a\nb\n');
    await settle();
    expect(log).toEqual(['Input[a]']);
    session.client?.destroy();
  });

  // POE's own test of it: from each of the four to each of the four, all in one write.
  const written = {
    Line: (text: string) => `${text}\n`,
    Block: (text: string) => `${text.length}\0${text}`,
    Reference: (text: string) => `${text.length + 2}\0"${text}"`,
    Stream: (text: string) => text,
  };
  const names = ['Line', 'Block', 'Reference', 'Stream'] as const;
  const transitions = names.flatMap((from) => names.map((to) => [from, to] as const));

  it.each(transitions)('%s to %s in one write: pending input is carried over', async (from, to) => {
    const { peer, log, done } = serveTCP<unknown, unknown>({
      ClientFilter: from,
      ClientInput: ({ heap, arg0 }) => {
        if (String(arg0).startsWith('switch')) heap.client.set_filter(to);
      },
    });
    const [first, second] = [written[from]('switch'), written[to]('after')];
    peer.end(first + second);
    await done;
    // A stream has no records to stop behind: its first one is all there is.
    expect(log).toEqual(from === 'Stream' ? [`Input[switch${second}]`] : ['Input[switch]', 'Input[after]']);
  });

  it.each(transitions)('%s to %s by handshake', async (from, to) => {
    const { peer, log, received } = serveTCP<unknown, unknown>({
      ClientFilter: from,
      ClientInput: ({ heap, arg0 }) => {
        heap.client.put(arg0);
        if (String(arg0) === 'switch') heap.client.set_filter(to);
      },
    });
    peer.write(written[from]('switch'));
    await settle();
    peer.write(written[to]('after'));
    await settle();
    expect(log).toEqual(['Input[switch]', 'Input[after]']);
    const crlf = (text: string): string => text.replaceAll('\n', '\r\n');
    expect(received()).toBe(crlf(written[from]('switch') + written[to]('after')));
    peer.reset();
  });

  it('its names are those of the ancestor', async () => {
    const { peer, done, socket } = serveTCP({
      ClientFilter: new LineFilter(),
      ClientInput: ({ heap: { client }, kernel, session }) => {
        expect(client.ID).toBe(session.ID);
        expect(client.get_input_handle()).toBe(socket);
        expect(client.get_output_handle()).toBe(socket);
        expect(client.get_input_filter()).toBeInstanceOf(LineFilter);
        expect(client.get_output_filter()).toBe(client.get_input_filter());
        client.pause_input();
        client.resume_input();
        client.shutdown_input();
        client.shutdown_output();
        kernel.yield('shutdown');
      },
    });
    peer.write('a\n');
    await done;
  });
});
