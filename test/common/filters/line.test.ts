import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineFilter } from '../../../src/common/filters/line.ts';
import { codeOf, cut, latin1, parse as parseBy, takeAll } from './reading.ts';

function parse(
  chunks: readonly Buffer[],
  options: ConstructorParameters<typeof LineFilter>[0] = {},
): unknown[] {
  return parseBy(new LineFilter(options), chunks);
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
    expect(takeAll(filter)).toEqual(['ab', 'c']);
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
      takeAll(filter);
    }
    expect(filter.release()).toHaveLength(0);
  });

  it.each([
    { maxLength: 0 },
    { maxLength: 1.5 },
    { maxLength: Infinity },
    { maxLength: 4, maxBuffer: 4 },
    { encoding: 'ascii' },
    { literal: '' },
    { literal: ';', inputLiteral: ',' },
    { literal: ';', outputLiteral: ',' },
    { inputLiteral: 7 },
    { inputLiteral: ';', inputRegexp: /;/ },
    { inputRegexp: /;/, autodetect: true },
    { inputLiteral: ';', joinSplitPair: true },
    { inputRegexp: ';' },
    { inputRegexp: /;*/ },
  ])('refuses %j', (options) => {
    expect(codeOf(() => new LineFilter(options as object))).toBe('FORKLESS_BAD_OPTION');
  });

  it('refuses an option that there is not', () => {
    expect(codeOf(() => new LineFilter({ maxlength: 4 } as object))).toBe('FORKLESS_UNKNOWN_OPTION');
  });

  it('counts without a literal end of several bytes', () => {
    const options = { literal: '--', maxLength: 4 };
    expect(parse(['1234-', '-12345--1-3-', '-', 'ab--'].map(latin1), options)).toEqual([
      '1234',
      long,
      '1-3',
      'ab',
    ]);
  });
});

describe('other line ends', () => {
  it('a literal, as text or bytes, and nothing else', () => {
    expect(parse([latin1('a\n;b;;c')], { inputLiteral: ';' })).toEqual(['a\n', 'b', '']);
    expect(parse([latin1('a\xff\0b\xff\0')], { inputLiteral: Buffer.of(0xff, 0) })).toEqual(['a', 'b']);
  });

  it('a pattern', () => {
    expect(parse([latin1('a1b22c')], { inputRegexp: /[0-9]/g })).toEqual(['a', 'b', '']);
    expect(parse([latin1('one, two ,three')], { inputRegexp: / ?, ?/ })).toEqual(['one', 'two']);
  });

  it('a pattern whose match lies across the window it looks at', () => {
    const first = 'x'.repeat(1022);
    const options = { inputRegexp: /ab+c?/ };
    expect(parse([latin1(`${first}abbbc${first}ab`)], options)).toEqual([first, first]);
  });

  it('what the first line ends with', () => {
    expect(parse(['abc\r', '\ndef\r\n'].map(latin1), { autodetect: true })).toEqual(['abc', 'def']);
    expect(parse([latin1('a\r\nx\ny\r\n')], { autodetect: true })).toEqual(['a', 'x\ny']);
    expect(parse([latin1('a\nb\r\n')], { autodetect: true })).toEqual(['a', 'b\r']);
    expect(parse(['a\r', 'b\n\rc'].map(latin1), { autodetect: true })).toEqual(['a', 'b\n']);
  });

  it("the ancestor's two for a pair in two reads, where that is asked for", () => {
    const chunks = ['a\r', '\nb\r\n'].map(latin1);
    expect(parse(chunks, { joinSplitPair: false })).toEqual(['a', '', 'b']);
    expect(parse(chunks)).toEqual(['a', 'b']);
  });

  it.each([
    { literal: ';' },
    { inputLiteral: ';', outputLiteral: '\n' },
    { inputRegexp: /;/ },
    { autodetect: true },
  ])('a clone of %j has them too, and detects anew', (options) => {
    const filter = new LineFilter(options);
    filter.push(latin1('a;b\n'));
    takeAll(filter);
    const clone = filter.clone();
    expect(parseBy(clone, [latin1('x\r\ny;')])).toEqual(options.autodetect ? ['x'] : ['x\r\ny']);
    expect(clone.encode('r')).toEqual(filter.encode('r'));
  });
});

describe('output of the line filter', () => {
  it('adds CRLF', () => {
    expect(new LineFilter().encode('é')).toBe('é\r\n');
    expect(new LineFilter({ encoding: 'latin1' }).encode('\xe9\0')).toEqual(latin1('\xe9\0\r\n'));
  });

  it('or what is asked for', () => {
    expect(new LineFilter({ literal: '\n' }).encode('é')).toBe('é\n');
    expect(new LineFilter({ outputLiteral: ';', encoding: 'latin1' }).encode('\xe9')).toEqual(
      latin1('\xe9;'),
    );
    expect(new LineFilter({ outputLiteral: Buffer.of(0xff) }).encode('a')).toEqual(latin1('a\xff'));
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

  it('a clone has the parameters and no input', () => {
    const filter = new LineFilter({ encoding: 'latin1', maxLength: 4 });
    filter.push(latin1('ab'));
    filter.take();
    const clone = filter.clone();
    clone.push(latin1('\xe9\n12345\n'));
    expect(takeAll(clone)).toEqual(['\xe9', '!FORKLESS_LINE_TOO_LONG']);
    expect(Buffer.from(filter.release()).toString()).toBe('ab');
  });
});
