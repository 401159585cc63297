import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, expect, vi } from 'vitest';
import {
  type Thread,
  type ThreadExit,
  type ThreadHost,
  type ThreadSpec,
} from '../../../src/main/threads/host.ts';

/** The URL of a module in test/handlers/bare. */
export const moduleUrl = (name: string): string =>
  new URL(`../../handlers/bare/${name}`, import.meta.url).href;

/** A thread on trial. */
export interface Run {
  readonly thread: Thread;
  readonly port: MessagePort;
  readonly messages: unknown[];
  /** Every call of `exited`, with the number of messages that had arrived by then. */
  readonly exits: { exit: ThreadExit; after: number }[];
  /** The `nth` message, counted from 1. */
  message(nth: number): Promise<unknown>;
  exit(): Promise<ThreadExit>;
}

const runs: Run[] = [];

export const settings = { window: 4, leases: new Int32Array(new SharedArrayBuffer(8)) };

/** Starts a thread, which ends with the test. */
export function startOn(host: ThreadHost, url: string, extra: Partial<ThreadSpec> = {}): Run {
  const { port1: port, port2 } = new MessageChannel();
  const messages: unknown[] = [];
  const exits: Run['exits'] = [];
  port.on('message', (message) => messages.push(message));
  const thread = host.start({ name: 'subject', boot: { url, port: port2, settings }, ...extra }, (exit) => {
    exits.push({ exit, after: messages.length });
  });
  expect(exits).toEqual([]);
  const wait = { timeout: 20_000, interval: 5 };
  const run: Run = {
    thread,
    port,
    messages,
    exits,
    message: (nth) =>
      vi.waitFor(() => {
        expect(messages.length, JSON.stringify(exits)).toBeGreaterThanOrEqual(nth);
        return messages[nth - 1];
      }, wait),
    exit: () =>
      vi.waitFor(() => {
        expect(exits).not.toEqual([]);
        return exits[0]!.exit;
      }, wait),
  };
  runs.push(run);
  return run;
}

afterEach(async () => {
  for (const run of runs.splice(0)) {
    run.thread.terminate();
    await run.exit();
    await new Promise(setImmediate);
    expect(run.exits, 'exited was called once').toHaveLength(1);
    run.port.close();
  }
});
