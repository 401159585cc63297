import { describe, expect, it } from 'vitest';
import {
  claim,
  PAGE_SLOTS,
  LAST_CONNECTION_ID,
  LeaseBook,
  type LeasePage,
  MOST_SLOTS,
  rest,
  slotIn,
} from '../../../src/common/wire/leases.ts';

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));
}

/** All orders of the items of both that keep the order within each. */
function interleavings<T>(a: readonly T[], b: readonly T[]): T[][] {
  const [first, ...restA] = a;
  const [second, ...restB] = b;
  if (first === undefined) return [[...b]];
  if (second === undefined) return [[...a]];
  return [
    ...interleavings(restA, b).map((rest) => [first, ...rest]),
    ...interleavings(a, restB).map((rest) => [second, ...rest]),
  ];
}

// The first slot that a new book gives out.
const SLOT = 0;

type Step = 'offer' | 'claim' | 'takeBack' | 'isClaimed';
type Owner = 'nobody' | 'free' | 'worker' | 'main';

/** The rule that the words in memory must keep. */
function expected(owner: Owner, step: Step): boolean {
  if (step === 'offer') return true;
  return owner === (step === 'isClaimed' ? 'worker' : 'free');
}

const AFTER: Readonly<Record<Exclude<Step, 'isClaimed'>, Owner>> = {
  offer: 'free',
  claim: 'worker',
  takeBack: 'main',
};

describe('a lease', () => {
  const orders = permutations<Step>(['offer', 'claim', 'takeBack', 'isClaimed']);

  it.each([1, 2, LAST_CONNECTION_ID])('has one winner in every order, number %i', (id) => {
    expect(orders.length).toBe(24);
    for (const order of orders) {
      const book = new LeaseBook(() => undefined);
      let owner: Owner = 'nobody';
      const won = new Set<Step>();
      const steps: Record<Step, () => boolean> = {
        offer: () => book.offer(id) === SLOT,
        claim: () => claim(slotIn(book.pages, SLOT), id),
        takeBack: () => book.takeBack(id),
        isClaimed: () => book.isClaimed(id),
      };
      for (const step of order) {
        const right = expected(owner, step);
        expect(steps[step](), `${step} of ${order.join(', ')}`).toBe(right);
        if (!right) continue;
        won.add(step);
        if (step !== 'isClaimed') owner = AFTER[step];
      }
      expect(won.has('claim') && won.has('takeBack')).toBe(false);
      expect(book.size).toBe(won.has('takeBack') ? 0 : 1);
    }
  });

  it('is lost with a number that comes late, after its slot was given to another, in every order', () => {
    const main = ['offer1', 'takeBack1', 'offer2', 'takeBack2', 'isClaimed2'] as const;
    const worker = ['claim1', 'claim2'] as const;
    for (const order of interleavings<(typeof main | typeof worker)[number]>(main, worker)) {
      const book = new LeaseBook(() => undefined);
      const result = new Map<string, boolean>();
      const slotOf = new Map<string, number>();
      for (const step of order) {
        const id = Number(step.at(-1));
        if (step.startsWith('offer')) slotOf.set(step, book.offer(id));
        else if (step.startsWith('claim'))
          result.set(step, claim(slotIn(book.pages, slotOf.get(`offer${id}`) ?? SLOT), id));
        else if (step.startsWith('takeBack')) result.set(step, book.takeBack(id));
        else result.set(step, book.isClaimed(id));
      }
      const at = (step: string): number => order.findIndex((other) => other === step);
      const text = order.join(', ');
      expect(result.get('claim1'), text).toBe(at('claim1') > at('offer1') && at('claim1') < at('takeBack1'));
      expect(result.get('takeBack1'), text).toBe(!result.get('claim1'));
      expect(result.get('claim2'), text).toBe(at('claim2') > at('offer2') && at('claim2') < at('takeBack2'));
      expect(result.get('takeBack2'), text).toBe(!result.get('claim2'));
      expect(result.get('isClaimed2'), text).toBe(result.get('claim2'));
      if (result.get('takeBack1')) expect(slotOf.get('offer2'), text).toBe(slotOf.get('offer1'));
    }
  });

  it('can be claimed once only, until it comes to rest', () => {
    const book = new LeaseBook(() => undefined);
    const slot = slotIn(book.pages, book.offer(5));
    expect(claim(slot, 5)).toBe(true);
    expect(claim(slot, 5)).toBe(false);
    rest(slot, 5, 7, 5_000);
    expect([book.isUntaken(5, 7), book.isUntaken(5, 8)]).toEqual([false, true]);
    expect(claim(slot, 5)).toBe(true);
    expect(book.takeRested(5)).toBeUndefined();
    rest(slot, 5, 9, 0);
    expect(book.takeRested(5)).toEqual({ taken: 9, limit: 0 });
    expect(claim(slot, 5)).toBe(false);
    expect(book.size).toBe(0);
  });

  it('counts the bytes that were taken modulo 2^32', () => {
    const book = new LeaseBook(() => undefined);
    const slot = slotIn(book.pages, book.offer(1));
    claim(slot, 1);
    rest(slot, 1, 0x8000_0005, 0);
    expect(book.takeRested(1)?.taken).toBe(0x8000_0005 | 0);
  });
});

describe('LeaseBook', () => {
  it('grows with its leases, tells of each page, and uses each slot again', () => {
    // As a worker has them: the memory, and not a copy.
    const worker: LeasePage[] = [];
    const book = new LeaseBook((page) => worker.push(structuredClone(page)));
    worker.push(structuredClone(book.pages[0]!));
    for (let round = 0; round < 3; round += 1) {
      const count = 2 * PAGE_SLOTS + 1;
      const ids = Array.from({ length: count }, (_, at) => 1 + round * count + at);
      const slots = ids.map((id) => book.offer(id));
      expect(new Set(slots).size).toBe(count);
      expect(Math.max(...slots)).toBe(count - 1);
      for (const [at, id] of ids.entries()) {
        if (at % 2 === 0) expect(book.takeBack(id)).toBe(true);
        else expect(claim(slotIn(worker, slots[at]!), id) && book.isClaimed(id)).toBe(true);
        book.close(id);
      }
      expect([book.size, worker.length]).toEqual([0, 3]);
    }
  });

  it('has as many slots as it says at most', () => {
    const book = new LeaseBook(() => undefined);
    for (let id = 1; id <= MOST_SLOTS; id += 1) book.offer(id);
    expect(() => book.offer(LAST_CONNECTION_ID)).toThrow(RangeError);
    expect(book.pages.length).toBe(MOST_SLOTS / PAGE_SLOTS);
    expect(() => slotIn(book.pages, MOST_SLOTS)).toThrow(
      expect.objectContaining({ code: 'FORKLESS_BAD_FRAME' }),
    );
    book.close(1);
    expect(book.offer(LAST_CONNECTION_ID)).toBe(0);
  });

  it('knows nothing of numbers that were never offered', () => {
    const book = new LeaseBook(() => undefined);
    expect(book.takeBack(1)).toBe(false);
    expect(book.takeRested(1)).toBeUndefined();
    expect(book.isClaimed(1)).toBe(false);
    expect(book.isUntaken(1, 1)).toBe(false);
  });
});
