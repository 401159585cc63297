import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Filter } from '../../src/common/filters/filter.ts';
import { LineFilter } from '../../src/common/filters/line.ts';
import { filterOf, type FilterParameter } from '../../src/poe/filter-parameter.ts';
import { settle } from '../worker/session/conversation-log.ts';
import { serveTCP } from './served.ts';

const ALL = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const BLOCK = Buffer.concat([Buffer.from('256\0'), ALL]);
const LINE = Buffer.concat([ALL.filter((byte) => byte !== 10 && byte !== 13), Buffer.from('\r\n')]);
const same = (record: unknown): unknown => record;
const bytesOf = (given: Uint8Array | string): Buffer => Buffer.from(given as string);

function taken(filter: Filter): unknown[] {
  const records: unknown[] = [];
  for (let record = filter.take(); record !== undefined; record = filter.take()) records.push(record);
  return records;
}

/** What comes back when each record is put as it has come. */
function echoed(filter: Filter, bytes: Buffer): Buffer {
  filter.push(bytes);
  return Buffer.concat(taken(filter).map((record) => bytesOf(filter.encode(record))));
}

// Each with input that has every byte that may stand in a record.
const filters: [name: string, FilterParameter, Buffer][] = [
  ['Line', 'Line', LINE],
  [
    'Line with another end',
    ['Line', 'Literal', '\xff\xfe'],
    Buffer.concat([ALL.subarray(0, 254), Buffer.of(255, 254)]),
  ],
  ['Line with a pattern', ['Line', 'InputRegexp', /\xff/, 'OutputLiteral', '\xff'], ALL],
  ['Stream', 'Stream', ALL],
  ['Block', 'Block', BLOCK],
  ['Block of one size', ['Block', 'BlockSize', 128], ALL],
  ['Map', ['Map', 'Code', same], ALL],
  ['Map to text', ['Map', 'Get', (record: Buffer) => record.toString('latin1'), 'Put', same], ALL],
  ['Grep', ['Grep', 'Code', () => true], ALL],
  ['RecordBlock', ['RecordBlock', 'BlockSize', 1], ALL],
  [
    'Stackable',
    ['Stackable', 'Filters', ['Line', ['Map', 'Code', same], ['RecordBlock', 'BlockSize', 1]]],
    LINE,
  ],
  ['an empty Stackable', 'Stackable', ALL],
  [
    'Line above Block',
    ['Stackable', 'Filters', ['Block', 'Line']],
    Buffer.concat([Buffer.from('256\0'), LINE]),
  ],
];

describe('a character is a byte', () => {
  it.each(filters)('%s: what is put as it has come is the same bytes', (_, parameter, bytes) => {
    expect(echoed(filterOf('ClientFilter', parameter), bytes)).toEqual(bytes);
  });

  it.each(filters)('%s: also by a connection', async (_, ClientFilter, bytes) => {
    const sent: Buffer[] = [];
    const { peer } = serveTCP<unknown, unknown>({
      ClientFilter,
      ClientInput: ({ heap, arg0 }) => heap.client.put(arg0),
    });
    peer.on('data', (chunk: Buffer) => sent.push(chunk));
    peer.write(bytes);
    await settle();
    expect(Buffer.concat(sent)).toEqual(bytes);
    peer.reset();
  });

  it('a line, by default, is a string of its bytes, and a string is sent as its bytes', async () => {
    const sent: Buffer[] = [];
    const { peer, log } = serveTCP({ ClientInput: ({ heap, arg0 }) => heap.client.put(`${arg0}\x85\xff`) });
    peer.on('data', (chunk: Buffer) => sent.push(chunk));
    peer.write(Buffer.from('00fffe850a', 'hex'));
    await settle();
    expect(log).toEqual(['Input[\0\xff\xfe\x85]']);
    expect(Buffer.concat(sent).toString('hex')).toBe('00fffe8585ff0d0a');
    peer.reset();
  });

  it('whatever the bytes are, and however they are cut', () => {
    const line = fc.uint8Array().map((bytes) => bytes.filter((byte) => byte !== 10 && byte !== 13));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const bytes = Buffer.concat(lines.flatMap((each) => [each, Buffer.from('\r\n')]));
        const filter = filterOf('ClientFilter', 'Line');
        for (const byte of bytes) filter.push(Buffer.of(byte));
        const records = taken(filter);
        expect(records).toEqual(lines.map((each) => Buffer.from(each).toString('latin1')));
        expect(Buffer.concat(records.map((record) => bytesOf(filter.encode(record))))).toEqual(bytes);
      }),
    );
  });

  it.each<[string, FilterParameter, (bytes: Buffer) => Buffer]>([
    ['Line', 'Line', (bytes) => Buffer.concat([bytes, Buffer.from('\r\n')])],
    ['Stream', 'Stream', (bytes) => bytes],
    ['Block', 'Block', (bytes) => Buffer.concat([Buffer.from(`${bytes.length}\0`), bytes])],
    ['Block of one size', ['Block', 'BlockSize', 3], (bytes) => bytes],
    ['Map', ['Map', 'Code', same], (bytes) => bytes],
    ['Grep', ['Grep', 'Code', () => true], (bytes) => bytes],
    ['Stackable', 'Stackable', (bytes) => bytes],
    [
      'Stackable of a Block',
      ['Stackable', 'Filters', ['Block']],
      (bytes) => Buffer.concat([Buffer.from(`${bytes.length}\0`), bytes]),
    ],
  ])('%s: text and bytes are sent alike', (_, parameter, written) => {
    fc.assert(
      fc.property(fc.uint8Array(), (given) => {
        const bytes = Buffer.from(given);
        const filter = filterOf('ClientFilter', parameter);
        expect(bytesOf(filter.encode(bytes))).toEqual(written(bytes));
        expect(bytesOf(filter.encode(bytes.toString('latin1')))).toEqual(written(bytes));
      }),
    );
  });

  it('HTTPD: in headers and bodies, both ways', () => {
    const httpd = filterOf('ClientFilter', 'HTTPD');
    const head = Buffer.concat([
      Buffer.from('POST / HTTP/1.1\r\nContent-Length: 256\r\nX: '),
      ALL.subarray(128),
      Buffer.from('\r\n\r\n'),
    ]);
    httpd.push(Buffer.concat([head, ALL]));
    const request = httpd.take() as { headers: Map<string, string>; body: Buffer };
    expect(request.headers.get('x')).toBe(ALL.subarray(128).toString('latin1'));
    expect(request.body).toEqual(ALL);
    for (const body of [ALL, ALL.toString('latin1')]) {
      const response = bytesOf(httpd.encode({ status: 200, headers: { X: '\xe9' }, body }));
      expect(response).toEqual(
        Buffer.concat([Buffer.from('HTTP/1.0 200 OK\r\nX: \xe9\r\n\r\n', 'latin1'), ALL]),
      );
    }
  });

  it('Reference: a value is a value, in UTF-8; other bytes are refused, not changed', () => {
    const reference = filterOf('ClientFilter', ['Reference', 'NoFatals', 1]);
    const value = { all: ALL.toString('latin1'), wide: '€😀' };
    reference.push(bytesOf(reference.encode(value)));
    reference.push(Buffer.concat([Buffer.from('3\0"'), Buffer.of(255), Buffer.from('"')]));
    expect(taken(reference)).toEqual([value, 'A reference of 3 bytes cannot be decoded']);
  });
});

describe('a wide character', () => {
  it.each<[string, FilterParameter, unknown]>([
    ['Line', 'Line', '€'],
    ['Stream', 'Stream', '€'],
    ['Block', 'Block', '€'],
    ['HTTPD', 'HTTPD', { status: 200, body: '€' }],
    ['Map', ['Map', 'Code', same], '€'],
    ['Stackable', ['Stackable', 'Filters', ['Line']], 'a\u010aQUIT'],
  ])('%s: is refused by put', (_, parameter, record) => {
    const filter = filterOf('ClientFilter', parameter);
    expect(() => filter.encode(record)).toThrow(/^Wide character U\+(20AC|010A) in a record/);
  });

  it('ends the connection, and nothing of it is sent', async () => {
    const { peer, received, done, reports } = serveTCP({
      ClientInput: ({ heap }) => void heap.client.put('first', '€ second'),
    });
    peer.write('a\n');
    await done;
    expect(received()).toBe('');
    expect(reports).toMatchObject([
      { error: { message: 'Wide character U+20AC in a record: latin1 has none above U+00FF' } },
    ]);
  });

  it('cannot end a line', () => {
    expect(() => filterOf('ClientFilter', ['Line', 'OutputLiteral', '€'])).toThrow('`outputLiteral`');
    expect(() => filterOf('ClientFilter', ['Line', 'InputLiteral', '€'])).toThrow('`inputLiteral`');
  });
});

describe('text', () => {
  it.each<[string, FilterParameter, string]>([
    ['Line', ['Line', 'Encoding', 'utf8'], 'é€\r\n'],
    ['an object of this package', new LineFilter(), 'é€\r\n'],
    ['Stackable', ['Stackable', 'Filters', [['Line', 'Encoding', 'utf8']]], 'é€\r\n'],
    ['an object in a Stackable', ['Stackable', 'Filters', [new LineFilter()]], 'é€\r\n'],
  ])('%s: by choice, both ways', (_, parameter, line) => {
    const filter = filterOf('ClientFilter', parameter);
    filter.push(Buffer.from(line));
    expect(filter.take()).toBe('é€');
    expect(bytesOf(filter.encode('é€'))).toEqual(Buffer.from(line));
  });

  it('is sent by the others by choice', () => {
    for (const name of ['Stream', 'Block', 'Stackable']) {
      const filter = filterOf('ClientFilter', [name, 'Encoding', 'utf8']);
      expect(bytesOf(filter.encode('€')).toString()).toContain('€');
    }
    const httpd = filterOf('ClientFilter', ['HTTPD', 'Encoding', 'utf8']);
    expect(bytesOf(httpd.encode({ status: 200, body: '€' })).toString()).toContain('€');
  });

  it('is what its bytes say, by hand', () => {
    const filter = filterOf('ClientFilter', 'Line');
    filter.push(Buffer.from('é€\n'));
    const text = Buffer.from(filter.take() as string, 'latin1').toString();
    expect(text).toBe('é€');
    expect(bytesOf(filter.encode(Buffer.from(text).toString('latin1')))).toEqual(Buffer.from('é€\r\n'));
    expect(bytesOf(filter.encode(Buffer.from(text)))).toEqual(Buffer.from('é€\r\n'));
  });
});

it('limits count bytes', () => {
  const filter = filterOf('ClientFilter', ['Line', 'MaxLength', 4]);
  filter.push(Buffer.from('éé\nééé\n'));
  expect(filter.take()).toHaveLength(4);
  expect(() => filter.take()).toThrow('limit 4');
});
