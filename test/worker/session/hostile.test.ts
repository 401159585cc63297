import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toPlain } from '../../../src/common/core/thrown.ts';
import { LineFilter } from '../../../src/common/filters/line.ts';
import { type Client } from '../../../src/worker/session/client.ts';
import { type Handlers } from '../../../src/worker/session/handlers.ts';
import { RawSession } from '../../../src/worker/session/raw-session.ts';
import { description, made, type Description } from '../../hostile.ts';
import { serve, settle, worker } from './conversation-log.ts';
import { duplexPair } from './duplex-pair.ts';
import { tries } from '../../effort.ts';

/** How a value comes out of user code. */
const WAYS = {
  'is thrown': (value: unknown): unknown => {
    throw value;
  },
  'is rejected': (value: unknown) => settle(1).then(() => Promise.reject(value as Error)),
  'is rejected by a thenable': (value: unknown) => ({
    then: (_: unknown, reject: (reason: unknown) => void) => {
      reject(value);
    },
  }),
} as const;

const way = fc.constantFrom(...(Object.keys(WAYS) as (keyof typeof WAYS)[]));
const PLACES = [
  'heap',
  'clientPreConnect',
  'clientConnected',
  'clientInput',
  'clientFlushed',
  'clientDisconnected',
  'push',
  'take',
  'encode',
  'clone',
] as const;
type Place = (typeof PLACES)[number];

class HostileFilter extends LineFilter {
  readonly #method: string;
  readonly #act: () => never;

  constructor(method: string, act: () => never) {
    super();
    this.#method = method;
    this.#act = act;
  }

  #at(method: string): void {
    if (this.#method === method) this.#act();
  }

  override push(chunk: Uint8Array): void {
    this.#at('push');
    super.push(chunk);
  }

  override take(): string | undefined {
    this.#at('take');
    return super.take();
  }

  override encode(record: string): string | Uint8Array {
    this.#at('encode');
    return super.encode(record);
  }

  override clone(): HostileFilter {
    this.#at('clone');
    return new HostileFilter(this.#method, this.#act);
  }
}

function handlersFor(place: Place, act: () => unknown): Handlers {
  const echo: Handlers = {
    clientInput: ({ client }, line) => {
      client.put(line);
    },
  };
  if (place === 'push' || place === 'take' || place === 'encode' || place === 'clone')
    return { ...echo, clientFilter: new HostileFilter(place, act as () => never) };
  return { ...echo, [place]: act };
}

const isFilters = (place: Place): boolean => ['heap', 'push', 'take', 'encode', 'clone'].includes(place);

const HOSTILE = { numRuns: tries(2_000) };

describe('a value that resists being looked at', () => {
  it('ends its own connection, wherever it comes from, and is told once', async () => {
    const where = fc.constantFrom(...PLACES);
    await fc.assert(
      fc.asyncProperty(where, way, description, async (place, how, given) => {
        // A filter and `heap` are no async code.
        const act = isFilters(place) ? WAYS['is thrown'] : WAYS[how];
        const { peer, socket, trace, reports, isDone } = serve(handlersFor(place, () => act(made(given))));
        peer.write('line\n');
        await settle(8);
        // Nothing else has ended it.
        expect(socket.destroyed).toBe(place !== 'clientDisconnected');
        peer.end();
        await settle(8);
        const count = (name: string): number => trace.filter((each) => each === name).length;
        expect([socket.destroyed, isDone()]).toEqual([true, true]);
        expect(count('Disconnected')).toBe(count('Connected'));
        // The filter is asked again until it can have no input left for that.
        if (place === 'take') expect(reports.length).toBeGreaterThan(0);
        else expect(reports).toHaveLength(1);
        for (const { error } of reports) expect(toPlain(error).message).toBeTypeOf('string');
      }),
      HOSTILE,
    );
  });

  it('reaches clientError once, as the error of a handler', async () => {
    const how = fc.constantFrom<keyof typeof WAYS | 'destroys'>('is thrown', 'is rejected', 'destroys');
    await fc.assert(
      fc.asyncProperty(how, description, async (by, given) => {
        const told: unknown[] = [];
        const value = made(given);
        const isNone = by === 'destroys' && (value === undefined || value === null);
        const { peer, socket, reports, isDone } = serve({
          clientInput: ({ client }) => {
            if (by !== 'destroys') return WAYS[by](value);
            client.destroy(value as Error);
            return undefined;
          },
          clientError: (_, error) => {
            told.push(error);
            expect(error.message).toBeTypeOf('string');
          },
        });
        peer.write('line\n');
        await settle(8);
        expect([socket.destroyed, isDone()]).toEqual([true, true]);
        expect(told).toEqual(isNone ? [] : [expect.objectContaining({ operation: 'handler' })]);
        expect(reports).toEqual([]);
      }),
      HOSTILE,
    );
  });

  it('that clientError fails by is told too, also if it is undefined', async () => {
    await fc.assert(
      fc.asyncProperty(way, description, async (how, given) => {
        const { peer, reports, isDone } = serve({
          clientInput: () => undefined,
          clientError: () => WAYS[how](made(given)),
        });
        peer.end();
        await settle(8);
        expect(reports).toEqual([expect.objectContaining({ callback: 'clientError' })]);
        expect(isDone()).toBe(true);
      }),
      HOSTILE,
    );
  });

  it('ends the connection of a `connection` handler, and is told once', async () => {
    await fc.assert(
      fc.asyncProperty(way, description, async (how, given) => {
        const { socket } = duplexPair();
        const reports: unknown[] = [];
        let done = 0;
        new RawSession({
          socket,
          worker,
          handlers: { connection: () => WAYS[how](made(given)) },
          report: (error) => reports.push(toPlain(error)),
          done: () => (done += 1),
        }).start();
        await settle(4);
        expect([socket.destroyed, reports.length, done]).toEqual([true, 1, 1]);
      }),
      HOSTILE,
    );
  });

  it('never keeps a session for ever where a handler returns it', async () => {
    const returned = fc.record({ base: description, promise: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(returned, async ({ base, promise }) => {
        const value = (given: Description): unknown => {
          const hostile = made(given);
          // A promise whose own fields cannot be trusted is waited for by itself.
          if (!promise) return hostile;
          return Object.defineProperty(Promise.resolve(), 'constructor', { get: () => made(given) });
        };
        let client: Client | undefined;
        const { peer, isDone } = serve({
          clientInput: (context) => {
            ({ client } = context);
            return value(base);
          },
        });
        peer.write('line\n');
        await settle(4);
        peer.destroy();
        client?.destroy();
        await settle(4);
        expect(isDone()).toBe(true);
      }),
      HOSTILE,
    );
  });
});
