import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpPrograms } from '../differential/exchange.ts';
import { HttpSides } from '../differential/http-sides.ts';
import { plainPrograms, programsInContexts } from '../differential/random-program.ts';
import { playFor, Sides } from '../differential/run.ts';
import { TRANSPORTS } from '../transports.ts';
import { SECONDS, SEED } from './terms.ts';

const sides = new Sides({ kinds: TRANSPORTS });

describe('random programs on net and on forkless', () => {
  beforeAll(() => sides.open());
  afterAll(() => sides.close());

  it.each([
    ['what is sent and called', plainPrograms],
    ['whose context it is called in', programsInContexts],
  ])(
    'agree on %s',
    async (what, programs) => {
      console.log(`programs for ${what}, SOAK_SEED=${SEED}, ${SECONDS / 2} s on Node ${process.version}`);
      const played = await playFor(SECONDS / 2, sides, programs, SEED);
      console.log(`${played} programs agree`);
      expect(played).toBeGreaterThan(0);
    },
    SECONDS * 1_000 + 120_000,
  );
});

const httpSides = new HttpSides(TRANSPORTS);

describe('random exchanges on http and on forkless', () => {
  beforeAll(() => httpSides.open());
  afterAll(() => httpSides.close());

  it(
    'agree on answers and callbacks',
    async () => {
      console.log(`exchanges, SOAK_SEED=${SEED}, ${SECONDS / 2} s on Node ${process.version}`);
      const played = await playFor(SECONDS / 2, httpSides, httpPrograms, SEED);
      console.log(`${played} programs agree`);
      expect(played).toBeGreaterThan(0);
    },
    SECONDS * 1_000 + 120_000,
  );
});
