import { duplexPair } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scripts } from '../load/dialogue.mjs';
import { body, checkSum, serveSocket, uploadReply } from './app.mjs';

/** The first bytes that are written to a client which sends these chunks. */
async function served(chunks: readonly Buffer[], size: number): Promise<Buffer> {
  const [client, server] = duplexPair();
  serveSocket(server);
  for (const chunk of chunks) client.write(chunk);
  const pieces: Buffer[] = [];
  let received = 0;
  for await (const piece of client as AsyncIterable<Buffer>) {
    pieces.push(piece);
    received += piece.length;
    if (received >= size) break;
  }
  return Buffer.concat(pieces);
}

const cut = (whole: Buffer, places: readonly number[]): Buffer[] => {
  const at = [0, ...places.map((place) => place % whole.length).sort((a, b) => a - b), whole.length];
  return at.slice(1).map((end, index) => whole.subarray(at[index], end));
};

describe('a peer replies the same however the requests are cut', () => {
  test.each([
    ['echo', scripts.echo(32, 7)],
    ['upload', scripts.upload(10_000, 0)],
    ['download', scripts.download(70_000, 0)],
  ])('%s', async (_, { requests, replies, replySize }) => {
    const whole = Buffer.concat(requests);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 20 }), async (places) => {
        const expected = replies.subarray(0, requests.length * replySize);
        expect((await served(cut(whole, places), expected.length)).equals(expected)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

test('a check sum does not depend on where a chunk ends, and notices a lost one', () => {
  const whole = body(20_000);
  const parts = checkSum(whole.subarray(0, 5_000), 0) + checkSum(whole.subarray(5_000), 5_000);
  expect(parts).toBe(checkSum(whole, 0));
  expect(checkSum(whole.subarray(4_097), 0)).not.toBe(checkSum(whole, 0));
  expect(uploadReply(5, 6).toString()).toBe('u5:6\n');
});

test('the lines of two connections, and of one after another, differ', () => {
  const lines = [...scripts.echo(32, 1).requests, ...scripts.echo(32, 2).requests].map(String);
  expect(new Set(lines).size).toBe(32);
  expect(lines.every((line) => line.length === 32 && line.indexOf('\n') === 31)).toBe(true);
});
