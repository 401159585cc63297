import { describe, expect, it } from 'vitest';
import { type LeaveReason } from '../../../src/common/core/types.ts';
import { type ToMain } from '../../../src/common/wire/messages.ts';
import { WorkerHandle, type WorkerExit } from '../../../src/main/master/worker-handle.ts';
import { BootGate } from '../../../src/main/threads/boot-gate.ts';
import { type Thread, type ThreadExit } from '../../../src/main/threads/host.ts';
import { fakeLink, type FakePort } from '../../simulation/fake-link.ts';
import { FakeClock } from './fake-clock.ts';

const READY: ToMain = { kind: 'ready', heap: 1, external: 2 };
const LEAVING: ToMain = { kind: 'leaving' };
const FAILED: ToMain = { kind: 'failed', error: { name: 'Error', message: 'no database' } };
const EXITED: ThreadExit = { code: 0, reason: 'exited' };
const TERMINATED: ThreadExit = { code: 1, reason: 'terminated' };

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One handle over a fake port and a thread that does what it is told. */
class Rig {
  readonly told: string[] = [];
  readonly exits: WorkerExit[] = [];
  readonly errors: unknown[] = [];
  readonly turnEnds: (() => void)[] = [];
  readonly handle: WorkerHandle;
  readonly #far: FakePort;
  readonly #near: FakePort;
  #exited: ((exit: ThreadExit) => void) | undefined;

  constructor() {
    const link = fakeLink(512);
    this.#far = link.far as unknown as FakePort;
    this.#near = link.near as unknown as FakePort;
    const note = (what: string) => (): void => void this.told.push(what);
    const thread: Thread = {
      threadId: 7,
      terminate: note('terminate'),
      sample: () => ({ utilization: 0.5 }),
      examine: (found) => {
        this.told.push('examine');
        return () => {
          found({ cpuTime: undefined, stack: [] });
        };
      },
      lookForDebugger: () => () => undefined,
      ref: note('ref'),
      unref: note('unref'),
    };
    this.handle = new WorkerHandle({
      id: 1,
      generation: 1,
      url: 'file:///worker.js',
      host: {
        name: 'worker',
        start: (_, exited) => {
          this.#exited = exited;
          return thread;
        },
      },
      gate: new BootGate(1),
      clock: new FakeClock(0),
      told: new Int32Array(new SharedArrayBuffer(4)),
      openLink: () => link,
      atTurnEnd: (run) => this.turnEnds.push(run),
      thread: {},
      settings: {
        heartbeat: { every: 1, atRest: 1 },
        window: 1_024,
        maxOutput: 0,
        allowHalfOpen: false,
        highWaterMark: undefined,
        leaveTimeout: 1,
        accepted: {},
        address: null,
        tls: undefined,
      },
      lingerTimeout: 1,
      maxWorkerMessages: 1,
      transfer: false,
      homeless: { get: () => undefined, unoffered: () => undefined, delete: () => undefined },
      bootTimeout: 50,
      events: {
        launched: note('launched'),
        message: ({ kind }) => this.told.push(kind),
        alive: () => undefined,
        sent: () => undefined,
        claimed: note('claimed'),
        released: note('released'),
        closed: note('over'),
        left: () => undefined,
        broken: (error) => {
          this.told.push('broken');
          this.errors.push(error);
        },
        gone: note('gone'),
        exited: (exit) => {
          this.told.push('exited');
          this.exits.push(exit);
        },
      },
    });
  }

  /** The worker tells this. */
  tell(...messages: ToMain[]): void {
    for (const message of messages) {
      this.#far.postMessage(message);
      this.#near.deliver();
    }
  }

  end(exit: ThreadExit): void {
    this.#exited?.(exit);
  }

  endTurn(): void {
    for (const run of this.turnEnds.splice(0)) run();
  }
}

async function launched(): Promise<Rig> {
  const rig = new Rig();
  await nextTurn();
  expect(rig.told.splice(0)).toEqual(['launched']);
  return rig;
}

describe('a worker handle', () => {
  it.each<[string, ToMain[], LeaveReason | undefined, ThreadExit, string]>([
    ['is ready, leaves and exits', [READY, LEAVING], 'asked', EXITED, 'left'],
    ['is ready and exits', [READY], undefined, EXITED, 'exited'],
    ['is ready and is killed', [READY], 'silent', TERMINATED, 'terminated'],
    ['says nothing and exits', [], undefined, EXITED, 'boot-failed'],
    ['says nothing and is asked', [], 'closing', EXITED, 'exited'],
    ['fails and exits', [FAILED], undefined, EXITED, 'boot-failed'],
    ['fails, leaves and exits', [FAILED, LEAVING], 'closing', EXITED, 'left'],
  ])('has the verdict on a worker that %s', async (_, words, why, exit, reason) => {
    const rig = await launched();
    rig.tell(...words);
    if (why) rig.handle.retire(why, false);
    rig.end(exit);
    expect(rig.told).toEqual([
      ...words.filter((each) => each === READY).map(() => 'ready'),
      'gone',
      'exited',
    ]);
    expect(rig.exits).toMatchObject([{ worker: 1, generation: 1, code: exit.code, reason, why }]);
  });

  it('tells of one end only, and looks into no thread that has ended', async () => {
    const rig = await launched();
    rig.end(EXITED);
    rig.end(TERMINATED);
    expect(rig.exits).toHaveLength(1);
    expect(rig.handle.thread.utilization()).toBeUndefined();
    rig.handle.thread.examine(10, () => expect.fail('there is nothing to find'));
    expect(rig.told).toEqual(['gone', 'exited']);
  });

  it('that is asked, then killed before it has a thread never gets one, and ends with the turn', async () => {
    const rig = new Rig();
    rig.handle.retire('surplus', true);
    rig.handle.kill('closing');
    expect(rig.told).toEqual([]);
    rig.endTurn();
    await nextTurn();
    expect(rig.told).toEqual(['gone', 'exited']);
    expect(rig.exits).toMatchObject([{ reason: 'terminated', why: 'surplus', code: 0, error: undefined }]);
  });

  it.each<[string, ToMain[]]>([
    ['is ready twice', [READY, READY]],
    ['leaves before it was ready or has failed', [LEAVING]],
    ['is ready after it has failed', [FAILED, READY]],
    ['fails after it was ready', [READY, FAILED]],
    ['is ready after it has told that it leaves', [READY, LEAVING, READY]],
  ])('takes it for garbage, once, that a worker %s', async (_, words) => {
    const rig = await launched();
    rig.tell(...words);
    expect(rig.told.at(-1)).toBe('broken');
    rig.tell(READY, LEAVING);
    expect(rig.errors).toMatchObject([{ code: 'FORKLESS_BAD_FRAME' }]);
    expect(rig.told.filter((each) => each === 'ready').length).toBeLessThanOrEqual(1);
  });

  it('ends a look when its worker is killed, with what is known by then', async () => {
    const rig = await launched();
    rig.handle.thread.examine(10, () => rig.told.push('found'));
    rig.handle.kill('silent');
    expect(rig.told).toEqual(['examine', 'found', 'terminate']);
  });

  it('lets a zombie hold the process no more, whatever it is told', async () => {
    const rig = await launched();
    rig.handle.thread.hold(false);
    rig.handle.thread.hold(true);
    rig.handle.abandon('worker-lost');
    rig.handle.thread.hold(true);
    expect(rig.told).toEqual(['unref', 'ref', 'unref']);
    rig.end(TERMINATED);
    expect(rig.exits).toHaveLength(1);
  });
});
