import { describe, expect, it } from 'vitest';
import {
  errorResponse,
  HttpdFilter,
  type HttpdFilterOptions,
  type HttpRequest,
  type HttpResponse,
} from '../../../src/filters.ts';
import { codeOf, latin1, parse } from './reading.ts';

type Parsed = HttpRequest | HttpResponse;
const read = (input: string, options: HttpdFilterOptions = {}): Parsed[] =>
  parse(new HttpdFilter(options), [latin1(input)]) as Parsed[];
const request = (input: string, options?: HttpdFilterOptions): HttpRequest => {
  const [first] = read(input, options);
  if (first === undefined || 'status' in first) return expect.fail(JSON.stringify(first));
  return first;
};
/** The statuses of refusals and the bodies of requests, in order. */
const results = (input: string, options?: HttpdFilterOptions): (number | string)[] =>
  read(input, options).map((record) => ('status' in record ? record.status : record.body.toString('latin1')));
const headed = (...headers: string[]): string =>
  `POST / HTTP/1.1\r\n${headers.map((each) => `${each}\r\n`).join('')}\r\n`;
const chunked = (body: string): string => headed('Transfer-Encoding: chunked') + body;

describe('a request', () => {
  it('has method, target, version, headers and body', () => {
    const { method, target, version, headers, body } = request(
      'PUT /a?b=%20 HTTP/1.1\r\nHost: x\r\nX-Odd:\t two  words \t\r\nx-odd: b\r\nCookie: a=1\r\nCookie: b=2\r\nContent-Length: 2\r\n\r\n\r\n',
    );
    expect([method, target, version, body]).toEqual(['PUT', '/a?b=%20', 'HTTP/1.1', latin1('\r\n')]);
    expect([...headers]).toEqual([
      ['host', 'x'],
      ['x-odd', 'two  words, b'],
      ['cookie', 'a=1; b=2'],
      ['content-length', '2'],
    ]);
  });

  it.each([
    ['GET //foo/bar HTTP/1.0\r\n\r\n', '/foo/bar', 'HTTP/1.0'],
    ['GET /x\r\n\r\n', '/x', 'HTTP/0.9'],
    ['\r\n\r\nOPTIONS * HTTP/1.1\r\n\r\n', '*', 'HTTP/1.1'],
    ['GET http://a//b HTTP/1.1\r\n\r\n', 'http://a//b', 'HTTP/1.1'],
  ])('%j', (input, target, version) => {
    expect(request(input)).toMatchObject({ target, version, body: Buffer.alloc(0) });
  });

  it('keeps names from the prototype apart', () => {
    expect(request('GET / HTTP/1.1\r\n__proto__: x\r\n\r\n').headers.get('__proto__')).toBe('x');
  });

  it('follows another on the same connection', () => {
    const post = `${headed('Content-Length: 3')}abc`;
    expect(results(`${post}\r\n${post}GET / HTTP/1.1\r\n\r\n`)).toEqual(['abc', 'abc', '']);
  });

  it('is given back whole while it is not whole', () => {
    for (const input of [`${headed('Content-Length: 3')}ab`, chunked('2\r\nab\r\n'), 'GET / HT']) {
      const filter = new HttpdFilter();
      expect(parse(filter, [latin1(input)])).toEqual([]);
      expect(Buffer.from(filter.release()).toString()).toBe(input);
    }
  });
});

describe('a chunked body', () => {
  it.each([
    ['0\r\n\r\n', ''],
    ['3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n', 'abc0123456789'],
    ['1;name=value;x\r\na\r\n0;last\r\nTrailer: x\r\n\r\n', 'a'],
    ['2\r\n\r\n\r\n0\r\n\r\n', '\r\n'],
  ])('%j is %j', (input, body) => {
    expect(results(chunked(input))).toEqual([body]);
  });

  it.each([
    'x\r\n',
    '\r\n',
    '-1\r\n',
    '+1\r\na',
    '0x1\r\na',
    ' 1\r\na',
    '1 \r\na',
    '1\na\r\n',
    '1\r\nab\r\n',
    '1\r\na\n0\r\n',
    '123456789\r\n',
    '1;\x7f\r\na',
    '0\r\n folded: x\r\n\r\n',
    '0\r\nno colon\r\n\r\n',
  ])('%j is refused', (input) => {
    expect(results(chunked(input))).toEqual([400]);
  });
});

describe('a request that can be read in two ways is refused', () => {
  it.each([
    ['content length and transfer encoding', headed('Content-Length: 3', 'Transfer-Encoding: chunked'), 400],
    ['the same the other way round', headed('Transfer-Encoding: chunked', 'Content-Length: 3'), 400],
    ['two content lengths', headed('Content-Length: 3', 'Content-Length: 4'), 400],
    ['the same content length twice', headed('Content-Length: 3', 'content-length: 3'), 400],
    ['a list of content lengths', headed('Content-Length: 3, 3'), 400],
    ['a signed content length', headed('Content-Length: +3'), 400],
    ['a hexadecimal content length', headed('Content-Length: 0x3'), 400],
    ['an empty content length', headed('Content-Length:'), 400],
    ['a content length with a blank', headed('Content-Length: 1 2'), 400],
    ['a content length beyond numbers', headed(`Content-Length: ${'9'.repeat(30)}`), 400],
    ['two transfer encodings', headed('Transfer-Encoding: chunked', 'Transfer-Encoding: identity'), 400],
    ['an unknown transfer encoding', headed('Transfer-Encoding: xchunked'), 501],
    ['a list of transfer encodings', headed('Transfer-Encoding: gzip, chunked'), 501],
    ['a transfer encoding before HTTP/1.1', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['two hosts', headed('Host: a', 'Host: b'), 400],
    ['a blank before the colon', headed('Content-Length : 3'), 400],
    ['a folded header', headed('A: b', ' c'), 400],
    ['a folded first header', headed(' A: b'), 400],
    ['a header without a colon', headed('A'), 400],
    ['a header without a name', headed(': b'), 400],
    ['a NUL in a value', headed('A: \0'), 400],
    ['a carriage return in a value', headed('A: b\rC: d'), 400],
    ['a bare line feed behind a header', 'GET / HTTP/1.1\r\nA: b\n\r\n', 400],
    ['a bare line feed behind the request line', 'GET / HTTP/1.1\nA: b\r\n\r\n', 400],
    ['a bare carriage return', 'GET / HTTP/1.1\rA: b\r\n\r\n', 400],
    ['two blanks in the request line', 'GET  / HTTP/1.1\r\n\r\n', 400],
    ['a tab in the request line', 'GET\t/ HTTP/1.1\r\n\r\n', 400],
    ['a blank behind the version', 'GET / HTTP/1.1 \r\n\r\n', 400],
    ['a method that is none', 'G(T / HTTP/1.1\r\n\r\n', 400],
    ['a POST without a version', 'POST /\r\n\r\n', 400],
    ['no target', 'GET\r\n\r\n', 400],
    ['another protocol', 'GET / FTP/1.1\r\n\r\n', 400],
    ['a later version', 'GET / HTTP/2.0\r\n\r\n', 505],
    ['TLS', '\x16\x03\x01\x02\0\n', 400],
    ['an encoded body without a length', headed('Content-Encoding: gzip'), 411],
  ])('%s', (_, input, status) => {
    // What follows is not taken for a request.
    expect(results(`${input}GET / HTTP/1.1\r\n\r\n`)).toEqual([status]);
  });

  it('a bare line feed only where it is not asked for', () => {
    expect(results('GET / HTTP/1.1\nA: b\n\n', { bareLf: true })).toEqual(['']);
  });
});

describe('the limits', () => {
  it('of the body', () => {
    expect(results(`${headed('Content-Length: 4')}abcd`, { maxBody: 4 })).toEqual(['abcd']);
    expect(results(headed('Content-Length: 5'), { maxBody: 4 })).toEqual([413]);
    expect(results(chunked('2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n'), { maxBody: 4 })).toEqual(['abcd']);
    expect(results(chunked('2\r\nab\r\n3\r\n'), { maxBody: 4 })).toEqual([413]);
    expect(results(headed('Content-Length: 0'), { maxBody: 0 })).toEqual(['']);
  });

  it('of the headers', () => {
    const good = `GET / HTTP/1.1\r\nA: ${'x'.repeat(64 - 23)}\r\n\r\n`;
    expect(results(good, { maxHeaderSize: 64 })).toEqual(['']);
    expect(results(good.replace('A', 'AB'), { maxHeaderSize: 64 })).toEqual([431]);
    expect(results('A'.repeat(65), { maxHeaderSize: 64 })).toEqual([414]);
    expect(results(headed('A: 1', 'B: 2'), { maxHeaders: 2 })).toEqual(['']);
    expect(results(headed('A: 1', 'B: 2', 'C: 3'), { maxHeaders: 2 })).toEqual([431]);
  });

  it('of chunk extensions and trailers, which count as headers do', () => {
    const many = `1;${'x'.repeat(30)}\r\na\r\n`.repeat(3);
    expect(results(chunked(`${many}0\r\n\r\n`))).toEqual(['aaa']);
    expect(results(chunked(many), { maxHeaderSize: 64 })).toEqual([431]);
    expect(results(chunked(`0\r\n${'T: t\r\n'.repeat(3)}\r\n`), { maxHeaders: 2 })).toEqual([431]);
    expect(results(chunked(`0\r\nT: ${'t'.repeat(70)}`), { maxHeaderSize: 64 })).toEqual([431]);
  });

  it.each([
    { maxBody: -1 },
    { maxHeaderSize: 0 },
    { maxHeaders: 1.5 },
    { badRequests: 'log' },
    { maxBuffer: 1 },
  ])('refuse %j', (options) => {
    expect(codeOf(() => new HttpdFilter(options as object))).toBe('FORKLESS_BAD_OPTION');
  });
});

describe('a refusal', () => {
  it('is the response to be sent', () => {
    const [response] = read('nonsense\r\n');
    expect(response).toEqual(errorResponse(400, 'Request line parse failure.'));
    expect(new HttpdFilter().encode(response as HttpResponse).toString()).toBe(
      'HTTP/1.0 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 141\r\n\r\n' +
        '<html><head><title>Error 400: Bad Request</title></head><body><h1>Error 400: Bad Request</h1>' +
        '<p>Request line parse failure.</p></body></html>',
    );
  });

  it('or a throw; then all further input is discarded, until release', () => {
    const filter = new HttpdFilter({ badRequests: 'throw' });
    const good = latin1('GET / HTTP/1.1\r\n\r\n');
    expect(parse(filter, [latin1('nonsense\r\n'), good])).toEqual(['!FORKLESS_BAD_REQUEST']);
    expect(filter.release()).toHaveLength(0);
    expect(parse(filter, [good])).toHaveLength(1);
    filter.push(latin1('nonsense\r\n'));
    expect(() => filter.take()).toThrow('HTTP request refused by 400: Request line parse failure.');
  });
});

describe('a response', () => {
  const encode = (response: HttpResponse): string =>
    Buffer.from(new HttpdFilter().encode(response)).toString();

  it.each<[HttpResponse, string]>([
    [{ status: 200 }, 'HTTP/1.0 200 OK\r\n\r\n'],
    [{ status: 299 }, 'HTTP/1.0 299 Unknown Error\r\n\r\n'],
    [
      {
        status: 404,
        reason: 'Nope',
        version: 'HTTP/1.1',
        headers: { A: 1, 'Set-Cookie': ['a', 'b'] },
        body: 'é',
      },
      'HTTP/1.1 404 Nope\r\nA: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\né',
    ],
  ])('%j', (response, text) => {
    expect(encode(response)).toBe(text);
  });

  it.each([
    { status: 99 },
    { status: '200 OK\r\nA: b' },
    { status: 200, reason: 'a\r\nb' },
    { status: 200, version: 'HTTP/1.1\r\n' },
    { status: 200, headers: { A: 'b\r\nC: d' } },
    { status: 200, headers: { A: ['b', 'c\nd'] } },
    { status: 200, headers: { 'A: b\r\nC': 'd' } },
    { status: 200, headers: { A: 'ċ' } },
  ])('%j is refused', (response) => {
    expect(codeOf(() => encode(response as HttpResponse))).toBe('FORKLESS_BAD_RESPONSE');
  });
});
