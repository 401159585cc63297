import fc from 'fast-check';

/** What a client asks for, and how it is answered: the path says it. */
export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** Bytes of the answer's body. */
  readonly size: number;
  /** With a length, in chunks, or as one end(). */
  readonly way: 'length' | 'chunks' | 'end';
  /** Answers in a later turn. */
  readonly late: boolean;
  /** Reads the request's body before it answers: by events, by an iteration, or not at all. */
  readonly reads: 'data' | 'iterate' | 'no';
  /** Bytes of the request's body; with POST. */
  readonly body: number;
  readonly chunked: boolean;
  /** Waits for 100 Continue. */
  readonly expects: boolean;
}

/** How a connection ends: always by the server. */
export type Last =
  | 'close'
  /** The handler destroys its response after so much of it. */
  | 'destroyed'
  | 'upgrade'
  /** Answered by Node itself. */
  | 'garbage'
  | 'no-host'
  | 'header-too-large'
  | 'bad-length'
  | 'chunk-extension'
  | 'version';

/** Requests on one connection of a server, and the way they are cut. Plain data. */
export interface Exchange {
  readonly requests: readonly Request[];
  readonly last: Last;
  /** Sends all requests at once, without waiting for answers. */
  readonly pipelined: boolean;
  /** In pieces of so many bytes, a turn for each. */
  readonly piece: number;
}

export interface HttpProgram {
  /** Connections of the same worker that are kept busy meanwhile. */
  readonly echoes: number;
  readonly exchanges: readonly Exchange[];
}

const size = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 200 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1_000, max: 9_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 300_000 }) },
);

const request: fc.Arbitrary<Request> = fc
  .record({
    method: fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'POST'),
    size,
    way: fc.constantFrom('length', 'chunks', 'end'),
    late: fc.boolean(),
    reads: fc.constantFrom('data', 'iterate', 'no'),
    body: size,
    chunked: fc.boolean(),
    expects: fc.boolean(),
  })
  .map((one) =>
    one.method === 'POST' ? one : { ...one, body: 0, chunked: false, expects: false, reads: 'no' },
  );

const drawn: fc.Arbitrary<Exchange> = fc.record({
  requests: fc.array(request, { maxLength: 3 }),
  last: fc.constantFrom(
    'close',
    'close',
    'close',
    'destroyed',
    'upgrade',
    'garbage',
    'no-host',
    'header-too-large',
    'bad-length',
    'chunk-extension',
    'version',
  ),
  pipelined: fc.boolean(),
  piece: fc.constantFrom(7, 100, 5_000, 65_536, 65_536),
});

// What is sure: chunks of an answer that waits for others are joined or not by luck (http-chunks), and last words beyond
// the credit of a relayed connection may be lost (beyond-credit).
const exchange: fc.Arbitrary<Exchange> = drawn.map((one) => ({
  ...one,
  requests: one.requests.map((each) => ({
    ...each,
    way: one.pipelined && each.way === 'chunks' ? 'length' : each.way,
    size: endsInOrder(one.last) ? each.size : Math.min(each.size, 60_000),
  })),
}));

export const httpPrograms: fc.Arbitrary<HttpProgram> = fc.record({
  echoes: fc.constantFrom(0, 2, 4),
  exchanges: fc.array(exchange, { minLength: 1, maxLength: 4 }),
});

/** Programs for workers that come and go: one that is to leave takes no upgrades. */
export const movingPrograms: fc.Arbitrary<HttpProgram> = httpPrograms.map((program) => ({
  ...program,
  exchanges: program.exchanges.map((one) => (one.last === 'upgrade' ? { ...one, last: 'close' } : one)),
}));

export interface RequestText {
  readonly head: string;
  readonly body: string;
  /** Ends its answer. */
  readonly mark: string;
  /** The server says when it wants the body. */
  readonly continues: boolean;
}

/** A request as it is sent; `from` tells the server whose it is. */
export function textOf(one: Request, number: number, from: string): RequestText {
  const about = Buffer.from(JSON.stringify({ ...one, number, from })).toString('base64url');
  const heads = [`${one.method} /${about} HTTP/1.1`, 'Host: localhost'];
  const hasBody = one.method === 'POST';
  if (hasBody && one.chunked) heads.push('Transfer-Encoding: chunked');
  else if (hasBody) heads.push(`Content-Length: ${one.body}`);
  const continues = hasBody && one.expects;
  if (continues) heads.push('Expect: 100-continue');
  const body = 'b'.repeat(one.body);
  const sent = one.chunked && hasBody ? chunksOf(body) : body;
  return { head: `${heads.join('\r\n')}\r\n\r\n`, body: sent, mark: `#${number}#`, continues };
}

function chunksOf(body: string): string {
  const half = Math.floor(body.length / 2);
  const chunk = (part: string): string => (part === '' ? '' : `${part.length.toString(16)}\r\n${part}\r\n`);
  return `${chunk(body.slice(0, half))}${chunk(body.slice(half))}0\r\n\r\n`;
}

/** The text that ends an exchange. */
export function lastText(last: Last, from: string): string {
  const about = Buffer.from(JSON.stringify({ last, from })).toString('base64url');
  const host = 'Host: localhost\r\n';
  switch (last) {
    case 'close':
      return `GET /${about} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
    case 'destroyed':
      return `GET /${about} HTTP/1.1\r\n${host}\r\n`;
    case 'upgrade':
      return `GET /${about} HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: echo\r\n\r\n`;
    case 'garbage':
      return 'this is no request\r\n\r\n';
    case 'no-host':
      return 'GET / HTTP/1.1\r\n\r\n';
    case 'header-too-large':
      return `GET / HTTP/1.1\r\n${host}X: ${'x'.repeat(4_000)}\r\n\r\n`;
    case 'bad-length':
      return `POST / HTTP/1.1\r\n${host}Content-Length: many\r\n\r\n`;
    case 'chunk-extension':
      return `POST /${about} HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n1;${'e'.repeat(16_500)}\r\n`;
    case 'version':
      return `GET / HTTP/9.9\r\n${host}\r\n`;
  }
}

/** Without a destroy. */
function endsInOrder(last: Last): boolean {
  return last === 'close' || last === 'upgrade';
}

/** Whether what ends an exchange may come while answers are still due. */
export const mayOvertake = (last: Last): boolean => last === 'close';
