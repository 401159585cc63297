import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { description, made } from '../hostile.ts';
import { collect, Rig } from './rig.ts';
import { tries } from '../effort.ts';

// Those that we call. What a stream throws inside Node's own turns, Node looks at.
const METHODS = ['write', 'end', 'pause', 'resume', 'setKeepAlive', 'destroy'] as const;
const GETTERS = ['writableLength', 'readableEnded', 'writableFinished'] as const;
type Where = (typeof METHODS)[number] | (typeof GETTERS)[number];

/** A stream of the user's of which one method or getter throws, or which fails by itself. */
class HostileStream extends Duplex {
  readonly #act: () => unknown;
  readonly #emits: boolean;

  constructor(method: Where | 'emits', act: () => unknown) {
    super({ autoDestroy: false });
    this.#act = act;
    this.#emits = method === 'emits';
    if (method === 'emits') return;
    const value = (): never => {
      throw act();
    };
    const isGetter = GETTERS.some((each) => each === method);
    Object.defineProperty(this, method, isGetter ? { get: value } : { value });
  }

  override _read(): void {
    if (this.#emits) this.emit('error', this.#act());
    this.push('more');
    this.push(null);
  }

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

/** Both ends of a connection that has nothing to do with it. */
async function neighbour(rig: Rig): Promise<() => Promise<void>> {
  const { client, socket } = await rig.serve();
  socket.on('data', (chunk: Buffer) => socket.write(chunk));
  const echoed = collect(client);
  return async () => {
    client.write('still here');
    await rig.settle();
    expect(echoed().toString()).toBe('still here');
    expect([socket.destroyed, rig.broken]).toEqual([false, []]);
  };
}

describe('a value that resists being looked at', () => {
  it('destroys the relayed socket that it is given to, and no other', async () => {
    const unsent = fc.constantFrom(0, 1, 100_000);
    await fc.assert(
      fc.asyncProperty(description, unsent, async (given, bytes) => {
        const rig = new Rig({ window: 1_024 });
        const isWell = await neighbour(rig);
        const { socket, client, id } = await rig.serve();
        let closes = 0;
        socket.on('close', () => (closes += 1));
        if (bytes > 0) socket.write(Buffer.alloc(bytes));
        const value = made(given);
        socket.destroy(value as Error);
        client.resume().end();
        await rig.settle();
        // As on a net.Socket, what counts as false is no error.
        const reason = value ? 'handler-error' : bytes > 1_024 ? 'output-dropped' : 'ended';
        expect(rig.over.map((end) => [end.connection.id, end.reason])).toEqual([[id, reason]]);
        expect([socket.destroyed, closes]).toEqual([true, 1]);
        await isWell();
      }),
      { numRuns: tries(300) },
    );
  });

  it('from a stream given to accept() ends that connection, and no other', async () => {
    const method = fc.constantFrom<(Where | 'emits')[]>(...METHODS, ...GETTERS, 'emits');
    await fc.assert(
      fc.asyncProperty(method, description, async (where, given) => {
        const rig = new Rig();
        const isWell = await neighbour(rig);
        const stream = new HostileStream(where, () => made(given));
        const { connection } = rig.connect();
        rig.hub.offer({ ...connection, stream });
        await rig.settle();
        const socket = rig.socket(connection.id);
        socket.on('data', (chunk: Buffer) => socket.write(chunk));
        if (!socket.destroyed) socket.setKeepAlive(true);
        await rig.settle();
        if (!socket.destroyed) socket.end('last');
        await rig.settle();
        if (!socket.destroyed) socket.destroy();
        await rig.settle();
        rig.clock.advance(60_000);
        await rig.settle();
        expect(rig.over.map((end) => end.connection.id)).toEqual([connection.id]);
        await isWell();
      }),
      { numRuns: tries(500) },
    );
  });
});
