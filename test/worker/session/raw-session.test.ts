import { describe, expect, it } from 'vitest';
import { type Handlers } from '../../../src/worker/session/handlers.ts';
import { runSession } from '../../../src/worker/runtime/run-session.ts';
import { gate, settle, worker } from './conversation-log.ts';
import { duplexPair, type DuplexPair } from './duplex-pair.ts';

interface Run extends DuplexPair {
  readonly reports: unknown[];
  readonly done: () => number;
}

function run(handlers: Handlers, before?: (pair: DuplexPair) => void): Run {
  const pair = duplexPair();
  before?.(pair);
  const reports: unknown[] = [];
  let done = 0;
  runSession({
    socket: pair.socket,
    handlers,
    worker,
    maxOutput: Infinity,
    report: (error, id, callback) => reports.push([error, id, callback]),
    done: () => {
      done += 1;
    },
  });
  return { ...pair, reports, done: () => done };
}

describe('a connection handler', () => {
  it('gets the socket and the worker', async () => {
    const seen: unknown[] = [];
    const { socket, peer, done } = run({
      connection: (...given) => {
        seen.push(...given);
        given[0].pipe(given[0]);
      },
    });
    expect(seen).toEqual([socket, worker]);
    peer.end('echo');
    let text = '';
    for await (const chunk of peer) text += String(chunk);
    await settle();
    expect(text).toBe('echo');
    expect(done()).toBe(1);
  });

  const boom = new Error('boom');
  it.each([
    () => {
      throw boom;
    },
    () => settle(1).then(() => Promise.reject(boom)),
  ])('that throws: the socket is destroyed and the error reported', async (connection) => {
    const { socket, reports, done } = run({ connection });
    await settle();
    expect(socket.errored).toBe(boom);
    expect(reports).toEqual([[boom, 7, 'connection']]);
    expect(done()).toBe(1);
  });

  it('that does not listen for errors survives a reset', async () => {
    const { peer, reports, done } = run({ connection: () => undefined });
    peer.reset();
    await settle();
    expect(reports).toEqual([]);
    expect(done()).toBe(1);
  });

  it('is done at once when it has returned, though its socket is open', () => {
    const { socket, done } = run({ connection: () => undefined });
    expect([socket.destroyed, done()]).toEqual([false, 1]);
  });

  it('is done when its promise has settled, though its socket is closed', async () => {
    const slow = gate();
    const { socket, done } = run({ connection: () => slow.promise });
    socket.destroy();
    await settle();
    expect(done()).toBe(0);
    slow.open();
    await settle();
    expect(done()).toBe(1);
  });

  it('does not run for a socket that is gone', async () => {
    let calls = 0;
    const { done } = run({ connection: () => (calls += 1) }, ({ socket }) => socket.destroy());
    await settle();
    expect([calls, done()]).toEqual([0, 1]);
  });
});
