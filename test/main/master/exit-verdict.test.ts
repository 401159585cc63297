import { describe, expect, it } from 'vitest';
import { ForklessError } from '../../../src/common/core/errors.ts';
import { type ExitReason, type LeaveReason } from '../../../src/common/core/types.ts';
import { clientsClosedBy, exitVerdict, type Seen } from '../../../src/main/master/exit-verdict.ts';
import { type ThreadExit } from '../../../src/main/threads/host.ts';

const REASONS: readonly ExitReason[] = [
  'left',
  'exited',
  'crashed',
  'out-of-memory',
  'terminated',
  'boot-failed',
];
// A record, so that the compiler finds one that is missing.
const WHYS = Object.keys({
  aged: 0,
  served: 0,
  silent: 0,
  idle: 0,
  surplus: 0,
  memory: 0,
  utilization: 0,
  reload: 0,
  asked: 0,
  closing: 0,
  'boot-timeout': 0,
  garbage: 0,
} satisfies Record<LeaveReason, 0>) as LeaveReason[];

const URL_OF_WORKER = 'file:///srv/worker.js';
const thrown = new Error('broken');
const told = new Error('no database');
const late = new ForklessError('FORKLESS_BOOT_TIMEOUT', 'too late');

const EXITED: ThreadExit = { code: 0, reason: 'exited' };
const ENDED_BY_USER: ThreadExit = { code: 3, reason: 'exited' };
const TERMINATED: ThreadExit = { code: 1, reason: 'terminated' };
const CRASHED: ThreadExit = { code: 1, reason: 'crashed', error: thrown };
const OUT_OF_MEMORY: ThreadExit = { code: 1, reason: 'out-of-memory', error: thrown };

const seen = (more: Partial<Seen>): Seen => ({
  url: URL_OF_WORKER,
  ofCall: false,
  wasReady: false,
  toldLeaving: false,
  why: undefined,
  bootError: undefined,
  exit: EXITED,
  ...more,
});
const ready = (more: Partial<Seen>): Seen => seen({ wasReady: true, ...more });
const leaving = (more: Partial<Seen>): Seen => ready({ toldLeaving: true, why: 'asked', ...more });

type Row = [what: string, seen: Seen, reason: ExitReason, error: RegExp | Error | undefined];

const TABLE: readonly Row[] = [
  // It was ready.
  ['finishes and leaves', leaving({}), 'left', undefined],
  ['finishes because all is closed', leaving({ why: 'closing' }), 'left', undefined],
  ['is killed while it leaves', leaving({ exit: TERMINATED }), 'terminated', undefined],
  ['crashes while it leaves', leaving({ exit: CRASHED }), 'crashed', thrown],
  ['runs out of memory while it leaves', leaving({ exit: OUT_OF_MEMORY }), 'out-of-memory', thrown],
  ['calls process.exit()', ready({ exit: ENDED_BY_USER }), 'exited', undefined],
  [
    'calls process.exit() after it was asked',
    ready({ why: 'asked', exit: ENDED_BY_USER }),
    'exited',
    undefined,
  ],
  ['crashes', ready({ exit: CRASHED }), 'crashed', thrown],
  ['throws undefined', ready({ exit: { ...CRASHED, error: undefined } }), 'crashed', /^thrown: undefined$/],
  ['throws text', ready({ exit: { ...CRASHED, error: 'no' } }), 'crashed', /^thrown: "no"$/],
  ['runs out of memory', ready({ exit: OUT_OF_MEMORY }), 'out-of-memory', thrown],
  ['is killed since it is silent', ready({ why: 'silent', exit: TERMINATED }), 'terminated', undefined],
  ['is killed for garbage', ready({ why: 'garbage', exit: TERMINATED }), 'terminated', undefined],
  ['ends unasked by its host', ready({ exit: TERMINATED }), 'terminated', undefined],

  // It was never ready, and nobody had asked it to leave.
  ['never serves', seen({}), 'boot-failed', /ended with code 0 before it called serve\(\)/],
  ['exits with a code', seen({ exit: ENDED_BY_USER }), 'boot-failed', /ended with code 3 before/],
  ['throws while it loads', seen({ exit: CRASHED }), 'boot-failed', /failed: broken$/],
  [
    'throws undefined while it loads',
    seen({ exit: { code: 1, reason: 'crashed' } }),
    'boot-failed',
    /code 1/,
  ],
  ['runs out of memory while it loads', seen({ exit: OUT_OF_MEMORY }), 'boot-failed', /failed: broken$/],
  ['tells why it does not boot', seen({ bootError: told }), 'boot-failed', /failed: no database$/],
  [
    'tells why, then crashes',
    seen({ bootError: told, exit: CRASHED }),
    'boot-failed',
    /failed: no database$/,
  ],
  ['boots too long', seen({ why: 'boot-timeout', bootError: late, exit: TERMINATED }), 'boot-failed', late],
  ['sends garbage at once', seen({ why: 'garbage', exit: TERMINATED }), 'boot-failed', /ended with code 1/],
  [
    'is one of several calls and never reached',
    seen({ ofCall: true }),
    'boot-failed',
    /ended with code 0 before .*begin all of a module before the first is awaited/,
  ],

  // It was asked to leave, or killed, before it was ready: that is no failure.
  [
    'never got a thread',
    seen({ why: 'surplus', exit: { code: 0, reason: 'terminated' } }),
    'terminated',
    undefined,
  ],
  ['is killed while it boots', seen({ why: 'asked', exit: TERMINATED }), 'terminated', undefined],
  ['exits while it boots', seen({ why: 'closing', exit: ENDED_BY_USER }), 'exited', undefined],
  ['crashes while it boots', seen({ why: 'closing', exit: CRASHED }), 'crashed', /failed: broken$/],
  [
    'tells that it did not boot, and leaves',
    seen({ why: 'reload', bootError: told, toldLeaving: true }),
    'left',
    /failed: no database$/,
  ],
  [
    'tells that it did not boot, and ends otherwise',
    seen({ why: 'reload', bootError: told, exit: TERMINATED }),
    'terminated',
    /failed: no database$/,
  ],
];

describe('the verdict on a worker that', () => {
  it.each(TABLE)('%s', (_, given, reason, error) => {
    const verdict = exitVerdict(given);
    expect(verdict.reason).toBe(reason);
    if (error instanceof RegExp) expect(verdict.error?.message).toMatch(error);
    else expect(verdict.error).toBe(error);
  });

  it('has the error itself as the cause of a failed boot', () => {
    expect(exitVerdict(seen({ exit: CRASHED })).error).toMatchObject({
      code: 'FORKLESS_BOOT_FAILED',
      cause: thrown,
    });
    expect(exitVerdict(seen({ bootError: told, exit: CRASHED })).error?.cause).toBe(told);
  });
});

const hostile = new Proxy(
  {},
  {
    get: () => {
      throw new Error('not to be asked');
    },
    getPrototypeOf: () => {
      throw new Error('not to be asked');
    },
  },
);

function* everyExit(): Generator<ThreadExit> {
  for (const reason of ['exited', 'crashed', 'out-of-memory', 'terminated'] as const)
    for (const code of [0, 1, -1])
      for (const error of [undefined, thrown, late, null, 'text', 5, {}, hostile])
        yield { reason, code, error };
}

function* everything(): Generator<Seen> {
  for (const exit of everyExit())
    for (const why of [undefined, ...WHYS])
      for (const bootError of [undefined, told, late])
        for (const [wasReady, toldLeaving] of [
          [false, false],
          [false, true],
          [true, false],
          [true, true],
        ] as const)
          yield { url: URL_OF_WORKER, ofCall: false, exit, why, bootError, wasReady, toldLeaving };
}

describe('for all that can be seen of a worker, the verdict', () => {
  const failed = (why: LeaveReason | undefined): boolean =>
    why === undefined || why === 'boot-timeout' || why === 'garbage';

  it('has a reason, and an Error or none', () => {
    let count = 0;
    for (const each of everything()) {
      const { reason, error } = exitVerdict(each);
      if (!REASONS.includes(reason)) expect.fail(`no reason for ${JSON.stringify(each)}`);
      if (error !== undefined && !(error instanceof Error))
        expect.fail(`no error for ${JSON.stringify(each)}`);
      count += 1;
    }
    expect(count).toBeGreaterThan(10_000);
  });

  it('says "left" of nobody but who told so, and "boot-failed" of nobody who was ready or asked', () => {
    for (const each of everything()) {
      const { reason } = exitVerdict(each);
      const { toldLeaving, wasReady, why, exit } = each;
      const left = toldLeaving && exit.reason === 'exited';
      if ((reason === 'left') !== left) expect.fail(JSON.stringify(each));
      if ((reason === 'boot-failed') !== (!left && !wasReady && failed(why)))
        expect.fail(JSON.stringify(each));
    }
  });

  it('has an error wherever something was thrown or a boot has failed', () => {
    for (const each of everything()) {
      const { reason, error } = exitVerdict(each);
      const wanted = reason === 'boot-failed' || reason === 'crashed' || each.exit.error !== undefined;
      if (wanted && error === undefined) expect.fail(JSON.stringify(each));
    }
  });
});

describe('the clients of a worker that has ended', () => {
  it.each([undefined, ...WHYS])('are closed for their worker, or for closing: %s', (why) => {
    expect(clientsClosedBy(why)).toBe(why === 'closing' ? 'closing' : 'worker-lost');
  });
});
