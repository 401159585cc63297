import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificate, hasOpenssl } from '../e2e/certificates.ts';
import { TRANSPORTS } from '../transports.ts';
import { playsByHand } from './by-hand.ts';
import { tlsPrograms } from './random-program.ts';
import { play, Sides } from './run.ts';

describe.runIf(hasOpenssl).each([
  { in: 'worker' as const, kinds: TRANSPORTS },
  { in: 'main' as const, kinds: ['relay' as const] },
])('one program on tls and on forkless, which ends TLS in the $in', ({ in: where, kinds }) => {
  let sides: Sides;
  beforeAll(async () => {
    sides = new Sides({ kinds, tls: { ...certificate('localhost'), in: where } });
    await sides.open();
  });
  afterAll(() => sides.close());

  if (playsByHand(() => sides, { tlsPrograms })) return;

  it('agree, seed 5', async () => {
    expect(await play(sides, tlsPrograms, { seed: 5, runs: 20 })).toBeGreaterThanOrEqual(20);
  }, 120_000);
});
