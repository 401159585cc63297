import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HttpdFilter, type HttpdFilterOptions, type HttpdRecord } from '../../../src/filters.ts';
import { codeOf, cut, latin1, parse } from './reading.ts';

type Options = Omit<HttpdFilterOptions<true>, 'streaming'>;
type Record = HttpdRecord<true>;

const streaming = (options: Options = {}): HttpdFilter<true> =>
  new HttpdFilter({ ...options, streaming: true });
const post = (...headers: string[]): string => `POST /a HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;
const chunked = post('Transfer-Encoding: chunked');
const get = 'GET /b HTTP/1.1\r\n\r\n';

/** Requests by their target, `+` where a body follows; parts, `.` behind the last one; refusals by their status. */
const said = (record: Record): string => {
  if ('status' in record) return String(record.status);
  if ('isLast' in record) return `${record.body.toString('latin1')}${record.isLast ? '.' : ''}`;
  return `${record.target}${record.bodyFollows ? '+' : ''}`;
};
const read = (chunks: readonly string[], options?: Options): string[] =>
  (parse(streaming(options), chunks.map(latin1)) as Record[]).map(said);

describe('a streamed request', () => {
  it('comes with its headers, its body as that comes: two posts and a get on one connection', () => {
    const head = post('Content-Length: 6');
    expect(read([`${head}abc`, 'def', `${head}ghijkl${get}`])).toEqual([
      '/a+',
      'abc',
      'def.',
      '/a+',
      'ghijkl.',
      '/b',
    ]);
  });

  it('comes before any of its body, for whoever waits for 100 Continue', () => {
    const filter = streaming();
    filter.push(latin1(post('Content-Length: 3', 'Expect: 100-continue')));
    const request = filter.take();
    expect(request).toMatchObject({ method: 'POST', bodyFollows: true, body: Buffer.alloc(0) });
    expect(Buffer.from(filter.encode({ status: 100, version: 'HTTP/1.1' })).toString()).toBe(
      'HTTP/1.1 100 Continue\r\n\r\n',
    );
    filter.push(latin1('abc'));
    expect(filter.take()).toEqual({ body: latin1('abc'), isLast: true });
  });

  it.each([
    ['no body', get, ['/b']],
    ['a length of 0', post('Content-Length: 0') + get, ['/a', '/b']],
    ['an empty chunked body', `${chunked}0\r\n\r\n${get}`, ['/a+', '.', '/b']],
    ['chunks', `${chunked}3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: x\r\n\r\n${get}`, ['/a+', 'abcde.', '/b']],
    ['line ends behind it', `${post('Content-Length: 1')}a\r\n\r\n${get}`, ['/a+', 'a.', '/b']],
  ])('with %s', (_, input, records) => {
    expect(read([input])).toEqual(records);
  });

  it('a chunk that came in part is a part; the end of the body comes when it is known', () => {
    expect(read([`${chunked}4\r\nab`, 'c', 'd', '\r\n0', '\r\n', '\r\n'])).toEqual([
      '/a+',
      'ab',
      'c',
      'd',
      '.',
    ]);
  });

  it('has a body of any length, unless one is given', () => {
    const head = post(`Content-Length: ${2 ** 33}`);
    expect(read([head])).toEqual(['/a+']);
    expect(read([head], { maxBody: 2 ** 32 })).toEqual(['413']);
    expect(read([`${chunked}2\r\nab\r\n`, '2\r\ncd\r\n'], { maxBody: 3 })).toEqual(['/a+', 'ab', '413']);
  });

  it('is broken off where its chunks are; what came before is given first, however it was cut', () => {
    const input = `${chunked}2\r\nab\r\nnonsense\r\n${get}`;
    expect(read([input])).toEqual(['/a+', 'ab', '400']);
    expect(read(input.split(''))).toEqual(['/a+', 'a', 'b', '400']);
    const filter = streaming({ badRequests: 'throw' });
    expect(parse(filter, [latin1(input)])).toMatchObject([
      { bodyFollows: true },
      { isLast: false },
      '!FORKLESS_BAD_REQUEST',
    ]);
    filter.push(latin1(get));
    expect(filter.take()).toBeUndefined();
  });

  it('leaves the rest of its body to the next filter', () => {
    const filter = streaming();
    filter.push(latin1(`${post('Content-Length: 9')}abc`));
    expect(said(filter.take()!)).toBe('/a+');
    expect(Buffer.from(filter.release()).toString()).toBe('abc');
    filter.push(latin1(get));
    expect(said(filter.take()!)).toBe('/b');
  });

  it('is that of a clone, too; the option is true or false', () => {
    const filter = streaming().clone();
    expect(parse(filter, [latin1(post('Content-Length: 2'))])).toHaveLength(1);
    for (const name of ['streaming', 'bareLf']) {
      expect(codeOf(() => new HttpdFilter({ [name]: 'yes' }))).toBe('FORKLESS_BAD_OPTION');
    }
  });

  it('is the same at every split: requests, bodies and where they end', () => {
    const input = latin1(
      `${post('Content-Length: 5')}hello${get}${chunked}3;x\r\nabc\r\n1\r\nd\r\n0\r\nT: x\r\n\r\n${post('Content-Length: 1')}z`,
    );
    const whole = '/a+hello./b/a+abcd./a+z.';
    fc.assert(
      fc.property(fc.array(fc.nat(input.length)), (places) => {
        const records = parse(streaming(), cut(input, places)) as Record[];
        expect(records.map(said).join('')).toBe(whole);
      }),
    );
  });
});
