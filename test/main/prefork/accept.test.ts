import { Duplex } from 'node:stream';
import { testPrefork, type TestPrefork } from 'forkless/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { handlers } from '../../e2e/peers.ts';

let server: TestPrefork | undefined;

afterEach(async () => {
  await server?.end();
  server = undefined;
});

/** A stream of the user's, and what was written to it. */
function stream(also: object): Duplex & { readonly got: () => string } {
  let got = '';
  const duplex = new Duplex({
    read: () => undefined,
    write: (chunk, _encoding, done) => {
      got += String(chunk);
      done();
    },
  });
  duplex.on('error', () => undefined);
  return Object.assign(duplex, also, { got: () => got });
}

const nothing = (): undefined => undefined;

/** As much as is asked of a secure socket. */
const answers = {
  encrypted: true,
  getPeerX509Certificate: nothing,
  getX509Certificate: nothing,
  getProtocol: () => 'TLSv1.3',
  getSharedSigalgs: () => [],
  getEphemeralKeyInfo: nothing,
  isSessionReused: () => false,
  getFinished: nothing,
  getPeerFinished: nothing,
  getTLSTicket: nothing,
};

describe('accept()', () => {
  it.each([
    ['some of a secure socket', { encrypted: true, getPeerX509Certificate: nothing }],
    ['answers that cannot travel', { ...answers, getCipher: () => ({ bits: 1n }) }],
    [
      'answers that throw',
      {
        ...answers,
        getCipher: () => {
          throw new Error('not today');
        },
      },
    ],
  ])('serves a stream with %s as any other', async (_what, also) => {
    const prefork = (server = testPrefork({ worker: handlers('raw-echo'), startWorkers: 1 }));
    await prefork.start();
    const duplex = stream(also);
    prefork.accept(duplex);
    duplex.push('hello');
    await expect.poll(duplex.got).toBe('hello');
    duplex.destroy();
  });

  it('throws what a stream throws that cannot be listened to, and counts nothing', async () => {
    const prefork = (server = testPrefork({ worker: handlers('raw-echo'), startWorkers: 1 }));
    await prefork.start();
    const duplex = stream({
      on: () => {
        throw new Error('no listeners here');
      },
    });
    expect(() => {
      prefork.accept(duplex);
    }).toThrow('no listeners here');
    expect(prefork.status().connections).toMatchObject({ open: 0, accepted: 0 });
  });
});
