import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeUnheard } from '../../../src/main/prefork/describe-unheard.ts';
import { type PreforkEvents } from '../../../src/main/prefork/events.ts';
import { framesOf, placeOf } from '../../../src/main/prefork/place.ts';
import { UnheardWarnings } from '../../../src/main/prefork/unheard.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { errors } from '../../../src/common/core/errors.ts';

/** An error that was thrown there. */
const thrownAt = (place: string, message = 'm'): Error => {
  const error = new Error(message);
  error.stack = `Error: ${message}\n    at node:internal/x:1:1\n    at run (${place})`;
  return error;
};

const failed = (error: Error, repeated = 0): PreforkEvents['handlerError'] => [
  { worker: 1, connection: 2, callback: 'clientInput', error, repeated },
];

describe('warnings', () => {
  let clock: VirtualClock;
  let unheard: UnheardWarnings;
  let emit: typeof process.emitWarning;
  let told: string[];
  let turns: (() => void)[];

  beforeEach(() => {
    clock = new VirtualClock();
    turns = [];
    unheard = new UnheardWarnings(clock, (run) => void turns.push(run));
    told = [];
    emit = process.emitWarning.bind(process);
    process.emitWarning = (warning: string | Error) => {
      told.push(String(warning).replace(/\. (?:Give|Listen).*/, ''));
    };
  });

  afterEach(() => {
    process.emitWarning = emit;
  });

  it('come once for each place and interval, with a count, and leave no timer', () => {
    const [one, other] = [thrownAt('file:///srv/a.js:1:2'), thrownAt('file:///srv/a.js:9:9')];
    const first = '`clientInput` of worker 1 failed at /srv/a.js:1:2: Error: m';
    unheard.missed('handlerError', failed(one, 4));
    unheard.missed('handlerError', failed(one));
    unheard.missed('handlerError', failed(one, 9));
    unheard.missed('handlerError', failed(other));
    expect(told.splice(0)).toEqual([
      `${first} (and 4 more like it)`,
      '`clientInput` of worker 1 failed at /srv/a.js:9:9: Error: m',
    ]);
    expect([clock.armed, clock.next]).toEqual([1, 10_000]);
    clock.fireNext();
    expect(told.splice(0)).toEqual([`${first} (and 10 more like it)`]);
    expect(clock.armed).toBe(0);
    clock.sleep(10_000);
    unheard.missed('handlerError', failed(one));
    unheard.missed('handlerError', failed(one));
    expect(told.splice(0)).toEqual([first]);
    unheard.stop();
    expect(told).toEqual([first]);
    expect(clock.armed).toBe(0);
  });

  it('of clients that are cut off count the clients', () => {
    for (const [worker, clients] of [
      [1, 3],
      [2, 1],
      [3, 5],
    ] as const)
      unheard.missed('workerKilled', [{ worker, why: 'closing', drainedFor: 1_000, clients }]);
    unheard.missed('workerKilled', [{ worker: 4, why: 'reload', drainedFor: 1_000, clients: 1 }]);
    unheard.stop();
    const after = '1000 ms after it was asked to leave';
    expect(told.map((text) => text.replace(/\. End .*/, ''))).toEqual([
      `Worker 1 was killed with 3 clients, ${after} (closing)`,
      `Worker 4 was killed with 1 client, ${after} (reload)`,
      `Worker 3 was killed with 5 clients, ${after} (closing) (and 1 more clients of other workers)`,
    ]);
  });

  it.each([
    [0, 0],
    [99, 0],
    [100, 1],
  ])('of clients that are cut off with a grace of %d ms: %d', (grace, count) => {
    unheard.closing(grace);
    unheard.missed('workerKilled', [{ worker: 1, why: 'surplus', drainedFor: 1_000, clients: 2 }]);
    unheard.stop();
    expect(told.length).toBe(count);
  });

  it.each<[string, (unheard: UnheardWarnings) => void]>([
    [
      'it has recovered',
      (unheard) => {
        unheard.recovered();
      },
    ],
    [
      'it closes',
      (unheard) => {
        unheard.closing(25_000);
      },
    ],
  ])('of workers that fail do not come any more once %s', (_, over) => {
    const degraded: PreforkEvents['degraded'] = [
      { cause: 'boot', failures: 1, retryIn: 100, error: undefined },
    ];
    for (let n = 0; n < 2; n += 1) {
      unheard.missed('degraded', degraded);
      unheard.missed('handlerError', failed(thrownAt('/srv/a.js:1:1')));
    }
    expect(told.splice(0).length).toBe(2);
    over(unheard);
    unheard.stop();
    expect(told).toEqual(['`clientInput` of worker 1 failed at /srv/a.js:1:1: Error: m']);
  });

  describe('of a worker that crashes soon after its boot', () => {
    const crashed = (worker: number, error: Error): PreforkEvents['workerExited'] => [
      {
        worker,
        generation: 1,
        code: 1,
        reason: 'crashed',
        why: undefined,
        error,
        lastClient: undefined,
        lastClientAge: undefined,
      },
    ];
    const degraded = (failures: number, error: Error): PreforkEvents['degraded'] => [
      { cause: 'boot', failures, retryIn: 100 * failures, error },
    ];
    const endTurn = (): void => {
      for (const run of turns.splice(0)) run();
    };
    const crash = (worker: number, failures: number, error = thrownAt('/srv/a.js:1:1')): void => {
      unheard.missed('workerExited', crashed(worker, error));
      expect(turns.length).toBe(1);
      unheard.missed('degraded', degraded(failures, error));
      endTurn();
    };
    const SOON = 'ended soon after the boot (within `minUptime`)';
    const FIRST = `Worker 1 crashed at /srv/a.js:1:1: Error: m; the worker ${SOON}, and the next one is tried after 100 ms`;

    const plain = (): string[] => told.splice(0).map((text) => text.replace(/\. Its connections .*/, ''));

    it('are one, with both facts, and so are those of a loop', () => {
      crash(1, 1);
      expect(plain()).toEqual([FIRST]);
      crash(2, 2);
      crash(3, 3);
      expect(told).toEqual([]);
      clock.fireNext();
      expect(plain()).toEqual([
        `Worker 3 crashed at /srv/a.js:1:1: Error: m; 3 workers in a row ${SOON}, and the next one is tried after 300 ms (and 1 more like it)`,
      ]);
    });

    it('say at once that it is one, also where one crashed there before that had stood long enough', () => {
      unheard.missed('workerExited', crashed(7, thrownAt('/srv/a.js:1:1')));
      endTurn();
      crash(1, 1);
      expect(plain()).toEqual(['Worker 7 crashed at /srv/a.js:1:1: Error: m', FIRST]);
    });

    it('count the others that crash alike in the same turn', () => {
      const error = thrownAt('/srv/a.js:1:1');
      unheard.missed('workerExited', crashed(2, thrownAt('/srv/a.js:1:1')));
      unheard.missed('workerExited', crashed(1, error));
      unheard.missed('degraded', degraded(1, error));
      endTurn();
      expect(plain()).toEqual([FIRST]);
      unheard.stop();
      expect(plain()).toEqual(['Worker 2 crashed at /srv/a.js:1:1: Error: m']);
    });

    it.each(['recovered', 'closing'] as const)('say nothing of a next one any more after %s', (over) => {
      crash(1, 1);
      crash(2, 2);
      told = [];
      unheard[over](25_000);
      unheard.stop();
      expect(plain()).toEqual(['Worker 2 crashed at /srv/a.js:1:1: Error: m']);
    });

    it('are told also where no turn ends any more, and two where the errors differ', () => {
      unheard.missed('workerExited', crashed(1, thrownAt('/srv/a.js:1:1')));
      unheard.missed('degraded', degraded(1, thrownAt('/srv/b.js:1:1')));
      unheard.stop();
      expect(plain()).toEqual([
        `A worker ${SOON}; the next one is tried after 100 ms; it failed at /srv/b.js:1:1: Error: m`,
        'Worker 1 crashed at /srv/a.js:1:1: Error: m',
      ]);
    });

    it('are one also where a worker breaks the protocol', () => {
      const error = thrownAt('/srv/a.js:1:1');
      unheard.missed('handlerError', [
        { worker: 1, connection: undefined, callback: 'lane', error, repeated: 0 },
      ]);
      unheard.missed('degraded', degraded(1, error));
      endTurn();
      expect(told).toEqual([
        `\`lane\` of worker 1 failed at /srv/a.js:1:1: Error: m; the worker ${SOON}, and the next one is tried after 100 ms`,
      ]);
    });
  });

  it('of any number of causes are bounded', () => {
    for (let n = 0; n < 10_000; n += 1)
      unheard.missed('handlerError', failed(thrownAt(`file:///srv/a.js:${n}:1`)));
    expect(told.length).toBe(65);
    unheard.stop();
    expect(told.length).toBe(66);
    expect(told.at(-1)).toContain('(and 9934 more like it)');
  });
});

describe('what is told', () => {
  const exit = {
    worker: 3,
    generation: 1,
    code: 1,
    why: undefined,
    error: undefined,
    lastClient: undefined,
    lastClientAge: undefined,
  };
  const text = <Name extends keyof PreforkEvents>(name: Name, ...event: PreforkEvents[Name]): unknown => {
    const told = describeUnheard(name, event);
    return told && [told.code, told.text];
  };

  it('is a failure, in words', () => {
    const error = new RangeError('m');
    error.stack = 'RangeError: m';
    expect([
      text('workerExited', { ...exit, reason: 'crashed', error }),
      text('workerExited', { ...exit, reason: 'out-of-memory', error }),
      text('workerExited', { ...exit, reason: 'exited', code: 7 }),
      text('degraded', { cause: 'boot', failures: 2, retryIn: 99.2, error: undefined }),
      text('degraded', { cause: 'boot', failures: 1, retryIn: 100, error }),
      text('workerKilled', { worker: 3, why: 'reload', drainedFor: 999.7, clients: 2 }),
      text('workerKilled', { worker: 3, why: 'closing', drainedFor: 100, clients: 1 }),
      text('acceptError', { error, count: 5 }),
      text('drop', { connection: { id: 1 }, reason: 'dispatch-failed', error }),
    ]).toEqual([
      ['FORKLESS_WORKER_CRASH', 'Worker 3 crashed: RangeError: m'],
      ['FORKLESS_WORKER_CRASH', 'Worker 3 ran out of memory: RangeError: m'],
      ['FORKLESS_WORKER_CRASH', 'Worker 3 was ended by process.exit(7)'],
      [
        'FORKLESS_DEGRADED',
        '2 workers in a row ended soon after the boot (within `minUptime`); the next one is tried after 100 ms',
      ],
      [
        'FORKLESS_DEGRADED',
        'A worker ended soon after the boot (within `minUptime`); the next one is tried after 100 ms; it failed: RangeError: m',
      ],
      [
        'FORKLESS_CLIENTS_CUT',
        'Worker 3 was killed with 2 clients, 1000 ms after it was asked to leave (reload)',
      ],
      [
        'FORKLESS_CLIENTS_CUT',
        'Worker 3 was killed with 1 client, 100 ms after it was asked to leave (closing)',
      ],
      ['FORKLESS_ACCEPT_ERROR', 'Accepting a connection failed: RangeError: m'],
      ['FORKLESS_DISPATCH_FAILED', 'A connection was refused: `dispatch` failed: RangeError: m'],
    ]);
  });

  it.each([
    [{ remoteAddress: '127.0.0.1', remotePort: 5_000 }, '127.0.0.1:5000'],
    [{ remoteAddress: '::1', remotePort: 5_000 }, '[::1]:5000'],
    [{ remoteAddress: '::ffff:10.0.0.1', remotePort: 5_000 }, '10.0.0.1:5000'],
    [{ remoteAddress: 'a\u001b[2Jb' }, 'a [2Jb'],
    [{}, 'connection 9'],
  ])('names the client of %j whose handler most likely hangs or has crashed', (addresses, name) => {
    const lastClient = { id: 9, ...addresses };
    const evidence = { lastClient, lastClientAge: 5, utilization: 1, cpuTime: undefined, stack: [] };
    expect([
      text('workerExited', { ...exit, reason: 'crashed', error: new Error('m'), lastClient }),
      text('workerExpired', { worker: 3, generation: 1, silentFor: 400.4, ...evidence }),
    ]).toEqual([
      [
        'FORKLESS_WORKER_CRASH',
        expect.stringMatching(/^Worker 3 crashed at .*: Error: m; its last client was /),
      ],
      ['FORKLESS_WORKER_EXPIRED', `Worker 3 did not answer for 400 ms; its last client was ${name}`],
    ]);
  });

  it('is also an exit that nobody asked for, with code 0 too', () => {
    expect(text('workerExited', { ...exit, reason: 'exited', code: 0 })).toEqual([
      'FORKLESS_WORKER_CRASH',
      'Worker 3 was ended by process.exit(0)',
    ]);
  });

  it('is nothing else', () => {
    expect([
      text('workerExited', { ...exit, reason: 'left', why: 'asked', code: 0 }),
      text('workerExited', { ...exit, reason: 'terminated', why: 'closing' }),
      text('workerExited', { ...exit, reason: 'exited', why: 'asked' }),
      text('workerExited', {
        ...exit,
        reason: 'crashed',
        error: errors.bootFailed('file:///w.js', 'failed'),
      }),
      text('degraded', { cause: 'zombies', zombies: 5, maxZombies: 4 }),
      text('drop', { connection: { id: 1 }, reason: 'closing', error: undefined }),
      text('workerKilled', { worker: 3, why: 'asked', drainedFor: 5_000, clients: 0 }),
      text('workerKilled', { worker: 3, why: 'silent', drainedFor: 5_000, clients: 2 }),
      text('workerKilled', { worker: 3, why: 'garbage', drainedFor: 5_000, clients: 2 }),
      text('workerKilled', { worker: 3, why: 'boot-timeout', drainedFor: undefined, clients: 0 }),
      text('paused'),
      text('workerSpawned', { worker: 1, generation: 1 }),
    ]).toEqual(Array(12).fill(undefined));
  });

  it('is short, and one line', () => {
    const told = describeUnheard(
      'handlerError',
      failed(thrownAt('/srv/a.js:1:1', `a\n\r\u001b[2J\u202e${'x'.repeat(1e6)}`)),
    );
    expect(told?.text.length).toBeLessThan(1_200);
    expect(told?.text).not.toMatch(/\p{Cc}|\u202e/u);
  });
});

describe('the place of an error', () => {
  const ours = (file: string): string => new URL(`../../../src/${file}`, import.meta.url).pathname;

  it.each<[string, string[], string | undefined]>([
    ['in a module', ['    at f (file:///srv/a%20b.js:1:2)'], '/srv/a b.js:1:2'],
    ['in an inline worker', ['    at f (file:///srv/a.js?forkless-worker=3:1:2)'], '/srv/a.js:1:2'],
    ['in CommonJS', ['    at Object.f [as g] (/srv/a (1)/b.js:1:2)'], '/srv/a (1)/b.js:1:2'],
    ['without a function', ['    at async file:///srv/a.js:1:2'], '/srv/a.js:1:2'],
    ['on Windows', ['    at f (C:\\srv\\a.js:1:2)'], 'C:\\srv\\a.js:1:2'],
    [
      'below frames of Node',
      ['    at f (node:net:1:2)', '    at new Promise (<anonymous>)', '    at /a.js:1:2'],
      '/a.js:1:2',
    ],
    [
      'below frames of ours',
      [`    at f (file://${ours('worker/client.ts')}:1:2)`, '    at /a.js:1:2'],
      '/a.js:1:2',
    ],
    [
      'below an eval',
      ['    at eval (eval at f (/b.js:3:4), <anonymous>:1:1)', '    at /a.js:1:2'],
      '/a.js:1:2',
    ],
    ['as an inspector tells it', ['(anonymous) (file:///srv/a.js:1:2)'], '/srv/a.js:1:2'],
    ['nowhere', ['    at f (node:net:1:2)', `    at g (${ours('core/check.ts')}:1:2)`], undefined],
  ])('%s', (_, frames, place) => {
    expect(placeOf(frames)).toBe(place);
  });

  it('is not one that a message names', () => {
    const error = thrownAt('/srv/true.js:1:2', 'm\n    at f (/srv/false.js:1:2)');
    expect(placeOf(framesOf(error))).toBe('/srv/true.js:1:2');
  });

  it('is that of the cause where the error itself was made here', () => {
    const error = errors.bootFailed('file:///w.js', 'failed', thrownAt('/srv/a.js:1:2'));
    error.stack = `${String(error)}\n    at f (${ours('core/errors.ts')}:1:1)`;
    expect(placeOf(framesOf(error))).toBe('/srv/a.js:1:2');
  });

  it('is unknown for what cannot be asked', () => {
    const { proxy, revoke } = Proxy.revocable(new Error(), {});
    revoke();
    for (const each of [proxy, undefined, null, 5, { stack: 7 }]) expect(framesOf(each)).toEqual([]);
  });
});
