import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type Prefork } from 'forkless';
import { description, made, type Description } from '../hostile.ts';
import { TRANSPORTS } from '../transports.ts';
import { event, started, type Peer } from './peers.ts';

let server: Prefork;

afterEach(async () => {
  await server.close({ grace: 0 });
});

const WAYS = ['throw', 'reject', 'destroy', 'destroy-socket', 'formatter'] as const;
type Way = (typeof WAYS)[number];

// What `destroy()` of a client or a socket counts as no error.
const isNone = (way: Way, given: Description, raw: boolean): boolean => {
  const value = made(given);
  if (way === 'destroy' && !raw) return value === undefined || value === null;
  return (way === 'destroy' || way === 'destroy-socket') && !value;
};

/** What the worker has counted. */
async function counts(peer: Peer): Promise<{ readonly connected: number; readonly disconnected: number }> {
  const before = peer.text.length;
  peer.send('counts\n');
  const text = await peer.until(new RegExp(`^[^]{${before}}\\{.*\\}\\r?\\n`));
  return JSON.parse(text.slice(before)) as { connected: number; disconnected: number };
}

describe.each(TRANSPORTS)('on %s, a value that resists being looked at', (transport) => {
  it.each(['client', 'raw'])(
    'ends exactly the connection that it comes from, is told once, and the books balance (%s handlers)',
    async (form) => {
      const raw = form === 'raw';
      const one = await started('hostile-errors', {
        transport,
        startWorkers: 1,
        minWorkers: 1,
        maxWorkers: 1,
        argv: raw ? ['raw'] : [],
      });
      server = one.server;
      let told = 0;
      server.on('handlerError', ({ error, repeated }) => {
        expect(error.message).toBeTypeOf('string');
        told += 1 + repeated;
      });
      const exits: unknown[] = [];
      server.on('workerExited', (exit) => exits.push(exit));
      const neighbour = one.peer();
      let [runs, expected] = [0, 0];
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...WAYS), description, async (way, given) => {
          const closed = event(server, 'connectionClosed');
          const peer = one.peer().send(`${way} ${JSON.stringify(given)}\n`);
          await peer.closed;
          const none = isNone(way, given, raw);
          // Iterating over a socket throws once it is destroyed, and the handler with it.
          if (raw) expected += 1;
          else if (way !== 'destroy-socket' && !none) expected += 1;
          runs += 1;
          expect(await closed).toMatchObject({ reason: none ? 'ended' : 'handler-error' });
          // A handler hears of the end a turn after the main thread.
          while ((await counts(neighbour)).disconnected < runs);
          expect(await counts(neighbour)).toEqual({ connected: runs + 1, disconnected: runs });
        }),
        { numRuns: 150, endOnFailure: true },
      );
      while (told < expected) await event(server, 'handlerError');
      expect(told).toBe(expected);
      expect(server.status().connections).toMatchObject({ open: 1, served: runs + 1 });
      const last = event(server, 'connectionClosed');
      neighbour.socket.end();
      await last;
      expect(server.status().connections.open).toBe(0);
      expect(server.status().workers).toMatchObject([{ open: 0, owed: 0 }]);
      expect(exits).toEqual([]);
    },
  );
});
