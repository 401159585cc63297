import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ForklessError } from '../../../src/common/core/errors.ts';
import {
  encodeJson,
  encodeTransferClose,
  readCall,
  readClose,
  readOpen,
  readToMain,
  readTransferClose,
} from '../../../src/common/wire/messages.ts';

const readers = { readOpen, readClose, readCall };
const jsonReaders = Object.entries(readers);

const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');

function onlyBadFrame(run: () => void): void {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ForklessError);
    expect(error).toMatchObject({ code: 'FORKLESS_BAD_FRAME' });
  }
}

const badFrame = expect.objectContaining({ code: 'FORKLESS_BAD_FRAME' }) as Error;

describe('payloads', () => {
  it('come out as they went in', () => {
    const open = { slot: 9, addresses: { remoteAddress: '::1', remotePort: 80, remoteFamily: 'IPv6' } };
    expect(readOpen(Buffer.from(encodeJson(open)))).toEqual(open);
    const close = { code: 'ECONNRESET', message: 'ä\n"', handler: true };
    expect(readClose(Buffer.from(encodeJson(close)))).toEqual(close);
    expect(readClose(Buffer.alloc(0))).toEqual({});
    const noDelay = { call: 'noDelay', enable: true } as const;
    expect(readCall(Buffer.from(encodeJson(noDelay)))).toEqual(noDelay);
    const keepAlive = { call: 'keepAlive', enable: false, delay: 30 } as const;
    expect(readCall(Buffer.from(encodeJson(keepAlive)))).toEqual(keepAlive);
  });

  it.each([
    ['an open frame without slot', readOpen, '{"addresses":{}}'],
    ['an open frame without addresses', readOpen, '{"slot":1}'],
    ['an open frame with a slot below 0', readOpen, '{"slot":-1,"addresses":{}}'],
    ['an open frame that is null', readOpen, 'null'],
    ['a close frame with a code that is no text', readClose, '{"code":1}'],
    ['a close frame with a message that is no text', readClose, '{"message":[]}'],
    ['an unknown call', readCall, '{"call":"exit","enable":true}'],
    ['a call without enable', readCall, '{"call":"noDelay"}'],
    ['keepAlive without delay', readCall, '{"call":"keepAlive","enable":true}'],
    ['what is not JSON', readCall, '{'],
    ['nothing', readOpen, ''],
  ] as const)('are refused: %s', (_, read, text) => {
    expect(() => read(utf8(text))).toThrow(badFrame);
  });

  it.each(jsonReaders)('%s never throws anything but FORKLESS_BAD_FRAME', (_, read) => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json().map(utf8),
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
          fc.string().map(utf8),
        ),
        (payload) => {
          onlyBadFrame(() => read(payload));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('the close of a transferred connection', () => {
  it.each([
    { read: 0, written: 2 ** 52, why: undefined },
    { read: 1, written: 2, why: { code: 'ECONNRESET', message: 'read ECONNRESET', handler: false } },
  ])('comes out as it went in', (close) => {
    expect(readTransferClose(Buffer.from(encodeTransferClose(close)))).toEqual(close);
  });

  it('is refused without counts, with odd ones, or with an odd reason', () => {
    const odd = encodeTransferClose({ read: NaN, written: 1, why: undefined });
    const negative = encodeTransferClose({ read: 1, written: -1, why: undefined });
    const reason = Buffer.concat([
      encodeTransferClose({ read: 1, written: 1, why: undefined }),
      Buffer.from('['),
    ]);
    for (const payload of [Buffer.alloc(15), Buffer.from(odd), Buffer.from(negative), reason])
      expect(() => readTransferClose(payload)).toThrow(badFrame);
  });
});

describe('readToMain', () => {
  const error = { name: 'Error', message: 'm' };
  const beat = { kind: 'beat', open: 1, served: 2, utilization: 0.5, heap: 3, external: 4 };

  it.each([
    { kind: 'ready', heap: 1, external: 2 },
    { kind: 'failed', error },
    beat,
    { kind: 'ask', request: 'retire' },
    { kind: 'limit', maxSessions: 3 },
    { kind: 'limit', maxSessions: Infinity },
    { kind: 'leaving' },
    { kind: 'trouble', error, callback: 'serve', connection: 3, repeated: 0 },
    { kind: 'message', value: undefined },
  ])('takes $kind as it is', (message) => {
    expect(readToMain(message)).toBe(message);
  });

  it.each([
    [undefined],
    [null],
    ['ready'],
    [{ kind: 'ready' }],
    [{ kind: 'ready', heap: 1, external: -1 }],
    [{}],
    [{ kind: 'toString' }],
    [{ kind: 'failed' }],
    [{ kind: 'failed', error: { name: 1, message: '' } }],
    [{ ...beat, heap: Number.NaN }],
    [{ ...beat, open: -1 }],
    [{ ...beat, served: '2' }],
    [{ kind: 'ask', request: 'explode' }],
    [{ kind: 'limit', maxSessions: -1 }],
    [{ kind: 'limit', maxSessions: NaN }],
    [{ kind: 'trouble', error }],
  ])('refuses %j', (message) => {
    expect(() => readToMain(message)).toThrow(badFrame);
  });

  it('never throws anything but FORKLESS_BAD_FRAME', () => {
    const kind = fc.constantFrom(
      'ready',
      'failed',
      'beat',
      'ask',
      'leaving',
      'trouble',
      'message',
      '__proto__',
    );
    const odd = fc.record({ kind, error: fc.anything(), request: fc.anything(), open: fc.anything() });
    fc.assert(
      fc.property(fc.oneof(fc.anything(), odd), (message) => {
        onlyBadFrame(() => readToMain(message));
      }),
      { numRuns: 1000 },
    );
  });
});
