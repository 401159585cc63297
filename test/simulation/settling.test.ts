import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Callers, WELL } from './callers.ts';
import { type FaultPlan } from './fake-thread.ts';
import { tries } from '../effort.ts';

// Each wait of the options used here is 2 s at most, and some follow one another.
const LONG = 120_000;

const millis = fc.integer({ min: 0, max: 1_500 });

const plan: fc.Arbitrary<FaultPlan> = fc.record({
  bootTime: fc.integer({ min: 1, max: 300 }),
  boot: fc.constantFrom('well', 'well', 'well', 'fails', 'never', 'throws'),
  crashAfter: fc.option(millis, { nil: undefined }),
  hangAfter: fc.option(millis, { nil: undefined }),
  deaf: fc.boolean(),
  dyingTime: fc.constantFrom(1, 1, 500, Infinity),
});

interface Act {
  readonly name: string;
  readonly run: (callers: Callers) => unknown;
}

const act = (name: string, run: (callers: Callers) => unknown): fc.Arbitrary<Act> =>
  fc.constant({ name, run });

const clients: { end: () => unknown }[] = [];

const call = fc.oneof(
  act('start', (callers) => {
    callers.start();
  }),
  act('listen', (callers) => {
    callers.listen();
  }),
  act('reload', (callers) => {
    callers.call('reload', () => callers.prefork.reload());
  }),
  fc.nat(4).map((nth) => ({
    name: `retire ${nth}`,
    run: (callers: Callers): void => {
      callers.retire(nth);
    },
  })),
  fc.record({ deadline: millis, until: fc.nat(2) }).map((terms) => ({
    name: `drain ${JSON.stringify(terms)}`,
    run: (callers: Callers): void => {
      callers.call('drain', () => callers.prefork.drain(terms));
    },
  })),
  fc.nat(3).map((minWorkers) => ({
    name: `minWorkers ${minWorkers}`,
    run: (callers: Callers): void => {
      callers.call('configure', () => {
        callers.prefork.configure({ minWorkers });
      });
    },
  })),
  act('resume', (callers) => {
    callers.call('resume', () => {
      callers.prefork.resume();
    });
  }),
  act('connect', (callers) => {
    callers.call('connect', () => {
      const client = callers.prefork.connect();
      client.on('error', () => undefined).resume();
      clients.push(client);
      client.write('something');
    });
  }),
  act('clients end', () => {
    for (const client of clients.splice(0)) client.end();
  }),
);
const pass = millis.map((time) => ({
  name: `pass ${time}`,
  run: (callers: Callers): Promise<void> => callers.pass(time),
}));
const move = act('move', (callers) => callers.move());
const tick = act('tick', () => Promise.resolve());
const end = fc.oneof(
  millis.map((grace) => ({
    name: `close ${grace}`,
    run: (callers: Callers): void => {
      callers.call('close', () => callers.prefork.close({ grace }));
    },
  })),
  act('abort', (callers) => {
    callers.abort.abort();
  }),
);

const script = fc.tuple(
  fc.constantFrom<'start' | 'listen'>('start', 'listen'),
  fc.array(
    fc.oneof({ weight: 4, arbitrary: call }, pass, move, tick, {
      weight: 1,
      arbitrary: fc.oneof({ weight: 4, arbitrary: call }, end),
    }),
    { maxLength: 20 },
  ),
  fc.array(plan, { minLength: 1, maxLength: 5 }),
);

async function play(
  first: 'start' | 'listen',
  acts: readonly Act[],
  plans: readonly FaultPlan[],
): Promise<void> {
  const callers = new Callers(plans);
  callers[first]();
  for (const each of acts) await each.run(callers);
  await callers.settle(LONG);
  expect(callers.pending, acts.map(({ name }) => name).join('; ')).toEqual([]);
  callers.call('close', () => callers.prefork.close({ grace: 300 }));
  await callers.settle(LONG);
  expect(callers.pending).toEqual([]);
  await callers.pass(5_000);
  expect(callers.timers).toBe(0);
  clients.length = 0;
}

describe('whatever is called in whatever order', () => {
  it('settles, and close() leaves nothing', async () => {
    await fc.assert(
      fc.asyncProperty(script, ([first, acts, plans]) => play(first, acts, plans)),
      { numRuns: tries(500) },
    );
  });

  it.each<[string, FaultPlan, ((callers: Callers) => unknown)[], string]>([
    [
      'whose workers are all retired while they boot, and none is wanted any more',
      WELL,
      [
        (callers) => callers.move(),
        (callers) => {
          for (const nth of [0, 1]) callers.retire(nth);
          callers.prefork.configure({ minWorkers: 0 });
        },
      ],
      'done',
    ],
    [
      'whose workers neither boot nor can be killed',
      { ...WELL, boot: 'never', dyingTime: Infinity },
      [],
      'FORKLESS_BOOT_TIMEOUT',
    ],
    [
      'whose workers crash in the turn in which they are ready',
      { ...WELL, bootTime: 1, crashAfter: 0 },
      [
        (callers) => callers.move(),
        (callers) => {
          callers.retire(1);
        },
      ],
      'done',
    ],
  ])('start() settles %s', async (_, faultPlan, acts, end) => {
    const callers = new Callers([faultPlan]);
    callers.start();
    for (const each of acts) await each(callers);
    await callers.settle(5_000);
    expect(callers.promises.find((each) => each.call === 'start')?.end).toBe(end);
    callers.call('close', () => callers.prefork.close({ grace: 0 }));
    await callers.settle(5_000);
    expect(callers.pending).toEqual([]);
  });

  it('opens no port for a listen() that was overtaken by close()', async () => {
    const callers = new Callers([WELL]);
    callers.listen();
    callers.call('close', () => callers.prefork.close());
    await callers.settle(5_000);
    expect(callers.promises.map(({ end }) => end)).toEqual(['FORKLESS_WRONG_STATE', 'done']);
    expect([callers.prefork.address(), callers.timers]).toEqual([null, 0]);
  });

  it.each([{ stealAfter: 60_000 }, { idleTimeout: 60_000 }, { firstByteTimeout: 60_000 }])(
    'sets no timer for %j when it is configured after close()',
    async (options) => {
      const callers = new Callers([WELL]);
      callers.start();
      await callers.settle(5_000);
      callers.call('close', () => callers.prefork.close({ grace: 0 }));
      await callers.settle(5_000);
      callers.prefork.configure(options);
      expect([callers.prefork.status().state, callers.timers]).toEqual(['closed', 0]);
    },
  );
});
