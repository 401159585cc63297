import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CreditWindow } from '../../../src/common/wire/credit.ts';

const anyWindow = fc.integer({ min: 1, max: 500 });
const badFrame = expect.objectContaining({ code: 'FORKLESS_BAD_FRAME' }) as Error;

describe('CreditWindow', () => {
  it('never allows more than the window, and never stalls', () => {
    fc.assert(
      fc.property(anyWindow, fc.array(fc.tuple(fc.boolean(), fc.nat(500))), (size, steps) => {
        const window = new CreditWindow(size);
        let credit = size;
        let unread = 0;
        const consume = (bytes: number): void => {
          unread -= bytes;
          credit += window.consumed(bytes);
          // What the far side may send and what is here unread never exceed the window.
          expect(credit + unread).toBeLessThanOrEqual(size);
        };
        for (const [send, wanted] of steps) {
          if (send) {
            const bytes = Math.min(wanted, credit);
            credit -= bytes;
            unread += bytes;
            window.received(bytes);
          } else consume(Math.min(wanted, unread));
        }
        consume(unread);
        expect(credit).toBeGreaterThan(0);
        expect(credit * 2).toBeGreaterThan(size);
      }),
    );
  });

  it('refuses one byte more than was allowed, at any time', () => {
    fc.assert(
      fc.property(anyWindow, fc.array(fc.nat(500)), (size, sends) => {
        const window = new CreditWindow(size);
        let credit = size;
        for (const wanted of sends) {
          const bytes = Math.min(wanted, credit);
          window.received(bytes);
          credit += window.consumed(bytes) - bytes;
        }
        window.received(credit);
        expect(() => {
          window.received(1);
        }).toThrow(badFrame);
      }),
    );
  });

  it('grants by half windows', () => {
    const window = new CreditWindow(100);
    window.received(100);
    expect(window.consumed(49)).toBe(0);
    expect(window.consumed(1)).toBe(50);
    expect(window.consumed(0)).toBe(0);
  });
});
