import { BlockList } from 'node:net';
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { ForklessError } from '../../../src/common/core/errors.ts';
import {
  checkTarget,
  moduleUrl,
  reconfigure,
  resolveOptions,
} from '../../../src/main/prefork/resolve-options.ts';
import { canTransfer } from '../../../src/main/relay/send-socket.ts';
import {
  type RunningOptions,
  type ListenTarget,
  type PreforkOptions,
} from '../../../src/main/prefork/option-types.ts';

const WORKER = 'file:///srv/worker.js';

function errorOf(run: () => unknown): ForklessError | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof ForklessError) return error;
    throw error;
  }
  return undefined;
}

/** Types forbid bad values; plain JavaScript does not. */
const badly = (option: string, value: unknown): PreforkOptions => Object.fromEntries([[option, value]]);

const BAD: [string, readonly unknown[]][] = [
  ['workers', [0, 1.5, 1_025, '0', '8..2', 'many', null, true]],
  ['startWorkers', [-1, 1.5, 21, '5', null]],
  ['minWorkers', [-1, 21, NaN]],
  ['maxWorkers', [0, 1_025, Infinity, null]],
  ['minSpareWorkers', [-1, 21]],
  ['maxSpareWorkers', [0, 5, '9']],
  ['masterHeartbeat', [0, Infinity, '1s']],
  ['workerHeartbeat', [0, 50_000, null]],
  ['maxSessionsPerWorker', [0, 1.5, '3']],
  ['workerExpireTime', [0, -1, NaN]],
  ['graceTime', [0, 'now']],
  ['bootTimeout', [0, null]],
  ['killTimeout', [0, Infinity]],
  ['maxSpareTime', [0]],
  ['maxLifetime', [0, NaN]],
  ['lifetimeJitter', [-0.1, 1.1]],
  ['maxServed', [0, 0.5]],
  ['servedJitter', [2, '0']],
  ['maxHeap', [0]],
  ['maxExternal', [-1]],
  ['memoryJitter', [-0.1, 2]],
  ['maxUtilization', [0, 1.5]],
  ['maxZombies', [-1, Infinity]],
  ['bootRetryDelay', [0]],
  ['maxBootRetryDelay', [99]],
  ['minUptime', [0, Infinity]],
  ['dispatch', ['random', 5, null, {}]],
  ['maxConnections', [0, -1, 1.5, '10', NaN, null]],
  ['maxConnectionsPerAddress', [0, 1.5, null]],
  ['maxWaiting', [-1, 0.5, '511']],
  ['waitTimeout', [0, Infinity, '30s', 2 ** 31]],
  ['claimTimeout', [0, Infinity, NaN, null]],
  ['idleTimeout', [0, -1, NaN, '1h', null]],
  ['firstByteTimeout', [0, '2m', null]],
  ['window', [1_023, 2 ** 31, 'big', Infinity, null]],
  ['maxOutput', [-1, 'none']],
  ['lingerTimeout', [0, Infinity]],
  ['maxWorkerMessages', [0, 1.5, '9', null]],
  ['onStuck', ['kill', null, {}]],
  ['threadHost', ['Piscina', 'native', 1, null]],
  ['transport', ['relais', 1, null]],
  ['port', [-1, 65_536, 80.5, '-1', '65536', '80.5', '', ' 80', '0x50', '1e3', 'http', null]],
  ['host', ['', 127, null]],
  ['path', ['', {}]],
  ['backlog', [0, 1.5, '511']],
  ['ipv6Only', [1, 'yes', null]],
  ['exclusive', [0]],
  ['readableAll', ['']],
  ['writableAll', [1]],
  ['reusePort', [1]],
  ['fd', [-1, '3', 0.5]],
  ['noDelay', [1, null]],
  ['keepAlive', ['on']],
  ['keepAliveInitialDelay', [-1, Infinity, '1s']],
  ['highWaterMark', [0, 1.5]],
  ['blockList', [[], {}, null]],
  ['resourceLimits', [null, 64]],
  ['env', ['A=1', null, ['A']]],
  ['argv', ['--x', [1], null]],
  ['execArgv', ['--x', [null]]],
  ['shutdownWorkers', [1, 'yes', null]],
  ['allowHalfOpen', [0]],
  ['signal', [new EventTarget(), 'SIGINT', null]],
  ['tls', [null, false, '', 'cert.pem']],
];

describe('resolveOptions', () => {
  it('has its defaults', () => {
    const {
      dispatcher,
      idle,
      threadHost,
      window,
      maxOutput,
      lingerTimeout,
      maxWorkerMessages,
      listen,
      socket,
    } = resolveOptions(WORKER, {});
    expect(dispatcher).toEqual({
      minWorkers: 5,
      maxSessionsPerWorker: Infinity,
      maxServed: Infinity,
      servedJitter: 0,
      growUtilization: Infinity,
      dispatch: 'least-open',
      maxConnections: Infinity,
      maxConnectionsPerAddress: Infinity,
      blockList: undefined,
      maxWaiting: 511,
      waitTimeout: 30_000,
      claimTimeout: 1_000,
      stealAfter: 5,
    });
    expect(idle).toEqual({ idleTimeout: 3_600_000, firstByteTimeout: 120_000 });
    expect({ threadHost, window, maxOutput, lingerTimeout, maxWorkerMessages }).toEqual({
      maxWorkerMessages: 4_096,
      threadHost: 'piscina',
      window: 262_144,
      maxOutput: 67_108_864,
      lingerTimeout: 30_000,
    });
    expect([listen, socket]).toEqual([{}, { noDelay: true }]);
  });

  it.each(BAD)('names %s when it is bad', (option, values) => {
    for (const value of values) {
      const error = errorOf(() => resolveOptions(WORKER, badly(option, value)));
      expect(error?.code, String(value)).toBe('FORKLESS_BAD_OPTION');
      expect(error?.message, String(value)).toContain(`Expected \`${option}\` to be `);
    }
  });

  it.each(BAD)('takes undefined for the default of %s', (option) => {
    const plain = resolveOptions(WORKER, {});
    expect(resolveOptions(WORKER, badly(option, undefined))).toEqual({
      ...plain,
      given: badly(option, undefined),
    });
  });

  it('names the part of an option that is bad', () => {
    const partly: [PreforkOptions, string][] = [
      [badly('resourceLimits', { maxOldGenerationSizeMb: 0 }), '`resourceLimits.maxOldGenerationSizeMb`'],
      [badly('resourceLimits', { maxOldSpaceMb: 64 }), '`resourceLimits.maxOldSpaceMb`'],
      [badly('env', { PORT: 80 }), '`env.PORT`'],
      [badly('resourceLimits', { stackSizeMb: '4' }), '`resourceLimits.stackSizeMb`'],
    ];
    for (const [options, name] of partly)
      expect(errorOf(() => resolveOptions(WORKER, options))?.message).toContain(`Expected ${name} to be `);
  });

  it.each(['idleTimeout', 'graceTime', 'maxConnections', 'maxWorkerMessages'])(
    'says to whoever means "off" by %s: 0 that Infinity is the word',
    (option) => {
      expect(errorOf(() => resolveOptions(WORKER, badly(option, 0)))?.message).toMatch(
        /, or Infinity, got 0$/,
      );
    },
  );

  it('takes what Node takes', () => {
    const good: PreforkOptions = {
      blockList: new BlockList(),
      resourceLimits: { maxOldGenerationSizeMb: 64, stackSizeMb: 0.5 },
      env: { A: 'b', C: undefined },
      argv: ['x'],
      execArgv: [],
      signal: new AbortController().signal,
      keepAliveInitialDelay: 0,
    };
    expect(resolveOptions(WORKER, good).given).toBe(good);
  });

  it.each(['maxWorker', 'MaxServer', 'worker', 'clientInput', 'toString', 'onread', 'signal_'])(
    'refuses the unknown option %s',
    (option) => {
      const error = errorOf(() => resolveOptions(WORKER, badly(option, 1)));
      expect(error?.code).toBe('FORKLESS_UNKNOWN_OPTION');
      expect(error?.message).toContain(`\`${option}\``);
    },
  );

  it('sorts what goes to listen() and what to the sockets', () => {
    const { listen, socket } = resolveOptions(WORKER, {
      port: 0,
      host: '::1',
      backlog: 9,
      ipv6Only: true,
      noDelay: false,
      keepAlive: false,
      highWaterMark: undefined,
    });
    expect(listen).toEqual({ port: 0, host: '::1', backlog: 9, ipv6Only: true });
    expect(socket).toEqual({ noDelay: false, keepAlive: false });
  });

  it('takes the limits of a worker over to the dispatcher', () => {
    const { dispatcher } = resolveOptions(WORKER, {
      maxSessionsPerWorker: 4,
      maxServed: 9,
      servedJitter: 0.5,
    });
    expect(dispatcher).toMatchObject({ maxSessionsPerWorker: 4, maxServed: 9, servedJitter: 0.5 });
  });
});

describe('checkTarget', () => {
  it('takes what net.Server.listen() takes', () => {
    for (const target of [{}, { port: 65_535, host: 'a' }, { path: 'a.sock' }, { fd: 3 }])
      expect(checkTarget(target)).toEqual(target);
    expect(checkTarget({ port: '0080' })).toEqual({ port: 80 });
  });

  it('refuses the rest', () => {
    // Types forbid it; plain JavaScript does not.
    const strange = { port: 1, signal: null } as ListenTarget;
    expect(errorOf(() => checkTarget(strange))?.message).toContain('`signal`');
    expect(errorOf(() => checkTarget({ port: 70_000 }))?.message).toContain('`port`');
  });
});

describe('moduleUrl', () => {
  it.each<[unknown, string]>([
    [new URL('file:///a/b.js'), 'file:///a/b.js'],
    ['file:///a/b.js?x=1', 'file:///a/b.js?x=1'],
    ['/a/b c.js', 'file:///a/b%20c.js'],
    ['data:text/javascript,1', 'data:text/javascript,1'],
  ])('takes %s', (given, url) => {
    expect(moduleUrl(given)).toBe(url);
  });

  it.each([undefined, null, 5, {}, '', './worker.js', 'worker', 'https://example.org/w.js', 'node:fs'])(
    'refuses %s',
    (given) => {
      expect(errorOf(() => moduleUrl(given))?.message).toContain('Expected `worker` to be ');
    },
  );
});

describe('reconfigure', () => {
  const settings = resolveOptions(WORKER, { port: 0, maxWorkers: 8, startWorkers: 2, waitTimeout: 500 });

  it('lays the new over those in force', () => {
    const next = reconfigure(settings, { maxSessionsPerWorker: 3, claimTimeout: 50 });
    expect(next.policy).toEqual({ ...settings.policy, maxSessionsPerWorker: 3 });
    expect(next.dispatcher).toEqual({ ...settings.dispatcher, maxSessionsPerWorker: 3, claimTimeout: 50 });
    expect(next.listen).toEqual({ port: 0 });
    expect(reconfigure(next, { maxWaiting: 1 }).dispatcher).toEqual({ ...next.dispatcher, maxWaiting: 1 });
  });

  it('goes back to the default with undefined', () => {
    expect(reconfigure(settings, { waitTimeout: undefined }).dispatcher.waitTimeout).toBe(30_000);
  });

  it('checks the new against the old', () => {
    expect(errorOf(() => reconfigure(settings, { minWorkers: 9 }))?.message).toContain('`minWorkers`');
    const least = reconfigure(settings, { minWorkers: 4 });
    expect(errorOf(() => reconfigure(least, { maxWorkers: 3 }))?.message).toContain('`minWorkers`');
    expect(errorOf(() => reconfigure(settings, { startWorkers: 3, maxWorkers: 1 }))?.message).toContain(
      '`startWorkers`',
    );
  });

  it('does not hold the pool to its start', () => {
    const four = resolveOptions(WORKER, { startWorkers: 4, maxWorkers: 4 });
    const less = reconfigure(four, { minWorkers: 1, maxWorkers: 1 });
    expect(less.policy).toMatchObject({ minWorkers: 1, maxWorkers: 1, minSpareWorkers: 1 });
    expect(reconfigure(four, { maxWorkers: 1 }).policy).toMatchObject({ minWorkers: 1, maxWorkers: 1 });
    // It is not forgotten: `minWorkers` follows it again where there is room.
    const more = reconfigure(reconfigure(four, { maxWorkers: 1 }), { maxWorkers: 8 });
    expect(more.policy).toMatchObject({ minWorkers: 4, maxWorkers: 8 });
  });

  it('takes `workers` in place of the single options, and the reverse only once it is taken back', () => {
    const single = resolveOptions(WORKER, {
      startWorkers: 2,
      minWorkers: 1,
      maxWorkers: 8,
      maxSpareWorkers: 6,
    });
    const range = reconfigure(single, { workers: '2..3' });
    expect(range.policy).toMatchObject({ minWorkers: 2, maxWorkers: 3, minSpareWorkers: 0 });
    expect(reconfigure(range, { maxServed: 5 }).policy).toMatchObject({ minWorkers: 2, maxWorkers: 3 });
    expect(errorOf(() => reconfigure(range, { maxWorkers: 5 }))?.message).toContain(
      '`maxWorkers` (5) contradicts `workers` ("2..3"), which makes it 3.',
    );
    const again = reconfigure(range, { workers: undefined, minWorkers: 1, maxWorkers: 5 });
    expect(again.policy).toMatchObject({ minWorkers: 1, maxWorkers: 5, growUtilization: Infinity });
    const cores = reconfigure(again, { workers: 'cores' });
    expect(cores.policy).toMatchObject({
      minWorkers: availableParallelism(),
      maxWorkers: availableParallelism(),
    });
  });

  it('is all or nothing', () => {
    const before = structuredClone(settings);
    const bad: RunningOptions[] = [
      { maxServed: 5, maxWaiting: -1 },
      { maxWaiting: 7, maxServed: 0 },
      { claimTimeout: 5, maxConnections: 0 },
    ];
    for (const options of bad) expect(errorOf(() => reconfigure(settings, options))).toBeDefined();
    expect(settings).toEqual(before);
  });

  it.each([
    ['window', 'FIXED'],
    ['port', 'FIXED'],
    ['threadHost', 'FIXED'],
    ['env', 'FIXED'],
    ['signal', 'FIXED'],
    ['noDelay', 'FIXED'],
    ['worker', 'UNKNOWN'],
    ['maxWorker', 'UNKNOWN'],
    ['toString', 'UNKNOWN'],
  ])('refuses %s and says that it is %s', (option, what) => {
    const error = errorOf(() => reconfigure(settings, badly(option, 1)));
    expect(error?.code).toBe(`FORKLESS_${what}_OPTION`);
    expect(error?.message).toContain(`\`${option}\``);
  });
});

describe('transport', () => {
  it('is relay unless told otherwise; auto transfers where this Node can', () => {
    expect(resolveOptions(WORKER, {}).transfer).toBe(false);
    expect(resolveOptions(WORKER, { transport: 'relay' }).transfer).toBe(false);
    expect(resolveOptions(WORKER, { transport: 'auto' }).transfer).toBe(canTransfer());
  });

  it.skipIf(canTransfer())('transfer is refused with the reason on a Node that cannot', () => {
    const error = errorOf(() => resolveOptions(WORKER, { transport: 'transfer' }));
    expect(error).toMatchObject({ code: 'FORKLESS_BAD_OPTION' });
    expect(error?.message).toMatch(/cannot move sockets to threads/);
  });
});
