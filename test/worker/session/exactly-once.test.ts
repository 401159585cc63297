import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Client } from '../../../src/worker/session/client.ts';
import { serve, settle, type Served } from './conversation-log.ts';
import { type DuplexPair } from './duplex-pair.ts';
import { tries } from '../../effort.ts';

interface Stage {
  pair?: DuplexPair;
  client?: Client;
  readonly waiting: (() => void)[];
}

const moves = {
  data: ({ pair }: Stage) => pair?.peer.writable && pair.peer.write('one\ntwo\nthr'),
  eof: ({ pair }: Stage) => pair?.peer.end(),
  reset: ({ pair }: Stage) => pair?.peer.reset(),
  flush: ({ pair }: Stage) => pair?.peer.resume(),
  put: ({ client }: Stage) => client?.put('x'.repeat(300)),
  shutdown: ({ client }: Stage) => client?.shutdown(),
  destroy: ({ client }: Stage) => client?.destroy(),
  'destroy with error': ({ client }: Stage) => client?.destroy(new Error('given')),
  'shut input': ({ client }: Stage) => client?.shutdownInput(),
  'shut output': ({ client }: Stage) => client?.shutdownOutput(),
  pause: ({ client }: Stage) => client?.pauseInput(),
  resume: ({ client }: Stage) => client?.resumeInput(),
  'let go': ({ waiting }: Stage) => {
    for (const go of waiting.splice(0)) go();
  },
} as const;

// What only a handler can do.
const answers = {
  nothing: () => undefined,
  throw: () => {
    throw new Error('thrown');
  },
  reject: () => settle(1).then(() => Promise.reject(new Error('rejected'))),
  slow: ({ waiting }: Stage) => new Promise<void>((resolve) => waiting.push(resolve)),
  'reject slowly': ({ waiting }: Stage) =>
    new Promise<void>((_, reject) =>
      waiting.push(() => {
        reject(new Error('rejected'));
      }),
    ),
} as const;

const move = fc.constantFrom(...Object.values(moves));
const answer = fc.constantFrom(answers.nothing, ...Object.values(answers));
const turn = (): Promise<void> => settle(1);

interface Script {
  /** What happens from outside; promises are awaited. */
  readonly outside: readonly ((stage: Stage) => unknown)[];
  /** What the n-th callback, whichever it is, does and returns. */
  readonly inside: readonly (readonly [move: (stage: Stage) => unknown, answer: (stage: Stage) => unknown])[];
  readonly clientShutdownOnError: boolean;
  readonly peerReads: boolean;
}

/** Plays a script to its end and gives what is left of it. */
async function play(script: Script): Promise<Served> {
  const stage: Stage = { waiting: [] };
  let calls = 0;
  const callback = ({ client }: { readonly client: unknown }): unknown => {
    if (client instanceof Client) stage.client = client as Client;
    const [act, reply] = script.inside[calls++] ?? [answers.nothing, answers.nothing];
    act(stage);
    return reply(stage);
  };
  const served = serve(
    {
      clientPreConnect: callback,
      clientConnected: callback,
      clientInput: callback,
      clientFlushed: callback,
      clientHigh: callback,
      clientLow: callback,
      highMark: 200,
      lowMark: 50,
      clientError: callback,
      clientDisconnected: callback,
      clientShutdownOnError: script.clientShutdownOnError,
    },
    {
      peerReads: script.peerReads,
      highWaterMark: 100,
      maxOutput: 1000,
      before: (pair) => {
        stage.pair = pair;
      },
    },
  );
  for (const act of script.outside) await act(stage);
  served.peer.reset();
  for (let round = 0; round < 10; round += 1) {
    moves['let go'](stage);
    await settle(2);
  }
  return served;
}

describe('promise 5', () => {
  it('for each Connected exactly one Disconnected, nothing after it, and the session is done, whatever happens', async () => {
    const script = fc.record({
      outside: fc.array(fc.oneof(move, fc.constant(turn)), { maxLength: 20 }),
      inside: fc.array(fc.tuple(fc.oneof(move, fc.constant(answers.nothing)), answer), { maxLength: 20 }),
      clientShutdownOnError: fc.boolean(),
      peerReads: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(script, async (given) => {
        const { trace, isDone, socket } = await play(given);
        const count = (name: string): number => trace.filter((each) => each === name).length;
        const connected = trace.includes('Connected') ? 1 : 0;
        expect(trace[0]).toBe('PreConnect');
        expect(count('Connected')).toBe(connected);
        expect(count('Disconnected')).toBe(connected);
        expect(trace.at(-1)).toBe(connected ? 'Disconnected' : 'PreConnect');
        expect(count('Error(read,EOF)')).toBeLessThanOrEqual(1);
        const end = trace.indexOf('Error(read,EOF)');
        if (end >= 0) expect(trace.slice(end).some((each) => each.startsWith('Input'))).toBe(false);
        expect(isDone()).toBe(true);
        expect(socket.destroyed).toBe(true);
      }),
      { numRuns: tries(1500) },
    );
  });
});
