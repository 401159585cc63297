import { describe, expect, it } from 'vitest';
import { CLAIM_SLOTS, claim, LAST_CONNECTION_ID, OfferBook } from '../../../src/common/wire/claims.ts';

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
const SLOT = CLAIM_SLOTS - 1;

type Step = 'offer' | 'claim' | 'takeBack' | 'settle';
type Owner = 'nobody' | 'offered' | 'worker' | 'main';

/** The rule that the words in memory must keep. */
function expected(owner: Owner, step: Step): boolean {
  if (step === 'offer') return true;
  return owner === (step === 'settle' ? 'worker' : 'offered');
}

const AFTER: Readonly<Record<Step, Owner>> = {
  offer: 'offered',
  claim: 'worker',
  takeBack: 'main',
  settle: 'worker',
};

describe('an offer', () => {
  const orders = permutations<Step>(['offer', 'claim', 'takeBack', 'settle']);

  it.each([1, 2, LAST_CONNECTION_ID])('has one winner in every order, id %i', (id) => {
    expect(orders.length).toBe(24);
    for (const order of orders) {
      const book = new OfferBook();
      let owner: Owner = 'nobody';
      const won = new Set<Step>();
      const steps: Record<Step, () => boolean> = {
        offer: () => book.offer(id) === SLOT,
        claim: () => claim(book.slots, SLOT, id),
        takeBack: () => book.takeBack(id),
        settle: () => book.settle(id),
      };
      for (const step of order) {
        const right = expected(owner, step);
        expect(steps[step](), `${step} of ${order.join(', ')}`).toBe(right);
        if (right) {
          won.add(step);
          owner = AFTER[step];
        }
      }
      expect(won.has('claim') && won.has('takeBack')).toBe(false);
      expect(book.size).toBe(won.has('takeBack') || won.has('settle') ? 0 : 1);
      expect(book.open()).toEqual(book.size === 0 ? [] : [id]);
    }
  });

  it('loses for an id that comes late, after its slot was given to another, in every order', () => {
    const main = ['offer1', 'takeBack1', 'offer2', 'takeBack2', 'settle2'] as const;
    const worker = ['claim1', 'claim2'] as const;
    for (const order of interleavings<(typeof main | typeof worker)[number]>(main, worker)) {
      const book = new OfferBook();
      const result = new Map<string, boolean>();
      const slotOf = new Map<string, number>();
      for (const step of order) {
        const id = Number(step.at(-1));
        if (step.startsWith('offer')) slotOf.set(step, book.offer(id));
        else if (step.startsWith('claim'))
          result.set(step, claim(book.slots, slotOf.get(`offer${id}`) ?? SLOT, id));
        else if (step.startsWith('takeBack')) result.set(step, book.takeBack(id));
        else result.set(step, book.settle(id));
      }
      const at = (step: string): number => order.findIndex((other) => other === step);
      const text = order.join(', ');
      expect(result.get('claim1'), text).toBe(at('claim1') > at('offer1') && at('claim1') < at('takeBack1'));
      expect(result.get('takeBack1'), text).toBe(!result.get('claim1'));
      expect(result.get('claim2'), text).toBe(at('claim2') > at('offer2') && at('claim2') < at('takeBack2'));
      expect(result.get('takeBack2'), text).toBe(!result.get('claim2'));
      expect(result.get('settle2'), text).toBe(result.get('claim2'));
      if (result.get('takeBack1')) expect(slotOf.get('offer2'), text).toBe(slotOf.get('offer1'));
    }
  });

  it('can be claimed once only', () => {
    const book = new OfferBook();
    const slot = book.offer(5);
    expect(claim(book.slots, slot, 5)).toBe(true);
    expect(claim(book.slots, slot, 5)).toBe(false);
    expect(book.settle(5)).toBe(true);
    expect(book.settle(5)).toBe(false);
  });
});

describe('OfferBook', () => {
  it('has as many slots as it says, and each again after its use', () => {
    const book = new OfferBook();
    for (let round = 0; round < 3; round += 1) {
      const ids = Array.from({ length: CLAIM_SLOTS }, (_, at) => 1 + round * CLAIM_SLOTS + at);
      const slots = ids.map((id) => book.offer(id));
      expect(new Set(slots).size).toBe(CLAIM_SLOTS);
      expect(book.open()).toEqual(ids);
      expect(() => book.offer(LAST_CONNECTION_ID)).toThrow(RangeError);
      for (const [at, id] of ids.entries()) {
        if (at % 2 === 0) expect(book.takeBack(id)).toBe(true);
        else expect(claim(book.slots, slots[at]!, id) && book.settle(id)).toBe(true);
      }
      expect(book.size).toBe(0);
    }
  });

  it('knows nothing of ids that were never offered', () => {
    const book = new OfferBook();
    expect(book.takeBack(1)).toBe(false);
    expect(book.settle(1)).toBe(false);
  });
});
