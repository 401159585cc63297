import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ForklessError } from '../../src/core/errors.ts';
import { LineFilter } from '../../src/filters/line.ts';
import { StreamFilter } from '../../src/filters/stream.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Everything that can be taken now; a throw is noted by its code. */
function drain(filter: LineFilter): string[] {
  const lines: string[] = [];
  for (;;) {
    try {
      const line = filter.take();
      if (line === undefined) return lines;
      lines.push(line);
    } catch (error) {
      lines.push(`!${(error as ForklessError).code}`);
    }
  }
}

function parse(
  chunks: readonly Buffer[],
  options: ConstructorParameters<typeof LineFilter>[0] = {},
): string[] {
  const filter = new LineFilter(options);
  return chunks.flatMap((chunk) => {
    filter.push(chunk);
    return drain(filter);
  });
}

function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (whole.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, index) => whole.subarray(from, sorted[index] ?? whole.length));
}

describe('input of the line filter', () => {
  it.each([
    ['a\n\rb\r\nc\rd\ne\r\rf\n\n', ['a', 'b', 'c', 'd', 'e', '', 'f', '']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['\n\n\r', ['', '']],
    ['\r\n\r\n', ['', '']],
    ['\n\r\n\r', ['', '']],
    ['\r\r\n\n', ['', '', '']],
    ['abc', []],
    ['', []],
    ['\v\f\x85\0\xff\n', ['\v\f\x85\0\xff']],
  ])('%j is %j, whole and byte by byte', (input, lines) => {
    const whole = latin1(input);
    expect(parse([whole], { encoding: 'latin1' })).toEqual(lines);
    expect(
      parse(
        [...whole].map((byte) => Buffer.of(byte)),
        { encoding: 'latin1' },
      ),
    ).toEqual(lines);
  });

  it('a line is given as soon as the first byte of its end is there', () => {
    expect(parse([latin1('a\r')])).toEqual(['a']);
  });

  it('a pair split between two reads counts once, also with empty reads between', () => {
    expect(parse(['a\r', '', '\nb\n', '\r', '\r'].map(latin1))).toEqual(['a', 'b', '']);
  });

  it('utf8 characters split between reads are whole', () => {
    const whole = Buffer.from('grüße, 世界 🎉\n');
    expect(parse([...whole].map((byte) => Buffer.of(byte)))).toEqual(['grüße, 世界 🎉']);
  });

  it('a byte order mark is part of the line', () => {
    expect(parse([Buffer.from('\ufeffa\n')])).toEqual(['\ufeffa']);
  });

  it('takes any Uint8Array, also a view', () => {
    const filter = new LineFilter();
    filter.push(new Uint8Array([120, 97, 10, 120]).subarray(1, 3));
    expect(filter.take()).toBe('a');
  });

  it('chunks pushed together parse as chunks pushed one by one', () => {
    const filter = new LineFilter();
    for (const chunk of ['a', 'b\r', '\nc', '\n']) filter.push(latin1(chunk));
    expect(drain(filter)).toEqual(['ab', 'c']);
  });

  it('parse(any split) = parse(whole)', () => {
    const bytes = fc
      .array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(13, 10) }, fc.integer({ min: 0, max: 255 })))
      .map((list) => Buffer.from(list));
    fc.assert(
      fc.property(
        bytes,
        fc.array(fc.nat(200)),
        fc.constantFrom('utf8' as const, 'latin1' as const),
        fc.integer({ min: 1, max: 12 }),
        (whole, places, encoding, maxLength) => {
          const options = { encoding, maxLength };
          expect(parse(cut(whole, places), options)).toEqual(parse([whole], options));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('agrees with the pattern of the ancestor', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('\r', '\n', 'a', 'b')), (letters) => {
        const text = letters.join('');
        expect(parse([latin1(text)])).toEqual(text.split(/\r\n?|\n\r?/).slice(0, -1));
      }),
    );
  });

  it('a line of 16 MiB in pieces of 64 KiB takes linear time', () => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    const filter = new LineFilter({ maxLength: 17 * 1024 * 1024 });
    const start = performance.now();
    for (let count = 0; count < 256; count += 1) {
      filter.push(piece);
      expect(filter.take()).toBeUndefined();
    }
    filter.push(latin1('\n'));
    expect(filter.take()).toHaveLength(16 * 1024 * 1024);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('64 KiB pushed byte by byte, without a take between, take linear time', () => {
    const filter = new LineFilter();
    const start = performance.now();
    for (let count = 0; count < 65_536; count += 1) filter.push(Buffer.of(count % 64 === 63 ? 10 : 120));
    expect(drain(filter)).toHaveLength(1024);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe('the limit of a line', () => {
  const long = '!FORKLESS_LINE_TOO_LONG';

  it('a line of exactly maxLength bytes is good, one more throws, the next parses', () => {
    expect(parse([latin1('1234\n12345\nab\n')], { maxLength: 4 })).toEqual(['1234', long, 'ab']);
  });

  it('throws once, as soon as the line is too long, not at its end', () => {
    expect(parse(['123', '45', '678', '\r', '\nab\n'].map(latin1), { maxLength: 4 })).toEqual([long, 'ab']);
  });

  it('names length and limit', () => {
    const filter = new LineFilter({ maxLength: 4 });
    filter.push(latin1('123456'));
    expect(() => filter.take()).toThrow('A line of 6 bytes or more (limit 4)');
  });

  it('keeps nothing of an endless line', () => {
    const filter = new LineFilter({ maxLength: 1000 });
    for (let count = 0; count < 100; count += 1) {
      filter.push(Buffer.alloc(999, 'x'));
      drain(filter);
    }
    expect(filter.release()).toHaveLength(0);
  });

  it.each([{ maxLength: 0 }, { maxLength: 1.5 }, { maxLength: Infinity }, { encoding: 'ascii' }])(
    'refuses %j',
    (options) => {
      expect(() => new LineFilter(options as object)).toThrow(
        expect.objectContaining({ code: 'FORKLESS_BAD_OPTION' }) as Error,
      );
    },
  );
});

describe('output of the line filter', () => {
  it('adds CRLF', () => {
    expect(new LineFilter().encode('é')).toBe('é\r\n');
    expect(new LineFilter({ encoding: 'latin1' }).encode('\xe9\0')).toEqual(latin1('\xe9\0\r\n'));
  });

  it('latin1 refuses what it would cut to another byte', () => {
    expect(() => new LineFilter({ encoding: 'latin1' }).encode('a\u010aQUIT')).toThrow(RangeError);
  });

  it('every latin1 record comes back', () => {
    const filter = new LineFilter({ encoding: 'latin1' });
    const text = fc.array(fc.integer({ min: 0, max: 255 }).filter((byte) => byte !== 13 && byte !== 10));
    fc.assert(
      fc.property(text, (bytes) => {
        const record = Buffer.from(bytes).toString('latin1');
        filter.push(Buffer.from(filter.encode(record)));
        expect(filter.take()).toBe(record);
      }),
    );
  });
});

describe('release and clone', () => {
  it('release gives what no record used, and forgets it', () => {
    const filter = new LineFilter();
    for (const chunk of ['a\r\nb', 'c', '\r\nd', 'e']) filter.push(latin1(chunk));
    expect(filter.take()).toBe('a');
    expect(Buffer.from(filter.release()).toString()).toBe('bc\r\nde');
    expect(filter.release()).toHaveLength(0);
    expect(filter.take()).toBeUndefined();
  });

  it('release does not give the second half of an end', () => {
    const filter = new LineFilter();
    for (const chunk of ['a\r', '\nb']) filter.push(latin1(chunk));
    expect(filter.take()).toBe('a');
    expect(Buffer.from(filter.release()).toString()).toBe('b');
  });

  it('another filter goes on mid-stream and back', () => {
    const line = new LineFilter();
    line.push(latin1('first\r\nbytes'));
    expect(line.take()).toBe('first');
    const stream = new StreamFilter();
    stream.push(line.release());
    expect(stream.take()).toEqual(latin1('bytes'));
    stream.push(latin1('x\ny'));
    const second = line.clone();
    second.push(stream.release());
    expect(drain(second)).toEqual(['x']);
  });

  it('a clone has the parameters and no input', () => {
    const filter = new LineFilter({ encoding: 'latin1', maxLength: 4 });
    filter.push(latin1('ab'));
    filter.take();
    const clone = filter.clone();
    clone.push(latin1('\xe9\n12345\n'));
    expect(drain(clone)).toEqual(['\xe9', '!FORKLESS_LINE_TOO_LONG']);
    expect(Buffer.from(filter.release()).toString()).toBe('ab');
  });
});
