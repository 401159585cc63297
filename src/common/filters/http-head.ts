/** The parser of request line and headers in the HTTP filter. Runs in a worker. */
import { HttpFault } from './http-reader.ts';

export type Framing = { readonly chunked: true } | { readonly chunked: false; readonly length: number };

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~\w]+) ([^\0-\x20\x7f]+)(?: (HTTP\/\d\.\d))?$/;
const NAME = /^[!#$%&'*+\-.^_`|~\w]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
// Of these a second one could be believed by someone else on the way.
const SINGLE = ['content-length', 'transfer-encoding', 'host'];

/** The request line and the headers, as they come in line by line. */
export class HttpHead {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: Map<string, string> = new Map<string, string>();
  #count = 0;

  /** Throws an `HttpFault`, as do the methods. */
  constructor(requestLine: string) {
    const [, method = '', target = '', version = 'HTTP/0.9'] = REQUEST_LINE.exec(requestLine) ?? [];
    if (method === '') throw new HttpFault(400, 'Request line parse failure.');
    if (!/^HTTP\/(?:0\.9|1\.\d)$/.test(version)) throw new HttpFault(505, 'HTTP version not supported.');
    if (version === 'HTTP/0.9' && method !== 'GET') throw new HttpFault(400, 'No HTTP version found.');
    this.method = method;
    this.target = target.replace(/^\/\/+/, '/');
    this.version = version;
  }

  add(line: string, maxHeaders: number): void {
    this.#count += 1;
    if (this.#count > maxHeaders) throw new HttpFault(431, 'Too many headers.');
    const [name, value] = parseHeader(line);
    const before = this.headers.get(name);
    if (before !== undefined && SINGLE.includes(name))
      throw new HttpFault(400, `More than one ${name} header.`);
    const joint = name === 'cookie' ? '; ' : ', ';
    this.headers.set(name, before === undefined ? value : before + joint + value);
  }

  /** How the body is delimited. */
  framing(maxBody: number): Framing {
    const coding = this.headers.get('transfer-encoding');
    const length = this.headers.get('content-length');
    if (coding !== undefined) return this.#chunked(coding, length);
    if (length === undefined) {
      if (this.headers.has('content-encoding') && this.#isModern) {
        throw new HttpFault(411, 'No content length found.');
      }
      return { chunked: false, length: 0 };
    }
    if (!/^\d{1,15}$/.test(length)) throw new HttpFault(400, 'Bad content length.');
    if (Number(length) > maxBody) throw new HttpFault(413, 'Content too large.');
    return { chunked: false, length: Number(length) };
  }

  #chunked(coding: string, length: string | undefined): Framing {
    if (length !== undefined) throw new HttpFault(400, 'Both transfer encoding and content length.');
    if (!this.#isModern) throw new HttpFault(400, 'Transfer encoding before HTTP/1.1.');
    if (coding.toLowerCase() !== 'chunked') throw new HttpFault(501, 'Transfer encoding not supported.');
    return { chunked: true };
  }

  get #isModern(): boolean {
    return this.version >= 'HTTP/1.1';
  }
}

/** Name, in lower case, and value of a header line. Throws an `HttpFault`. */
export function parseHeader(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon));
  // Refuses also the folded line of old, and blanks before the colon.
  if (!NAME.test(name)) throw new HttpFault(400, 'Bad header name.');
  const value = trimmed(line.slice(colon + 1));
  if (!VALUE.test(value)) throw new HttpFault(400, 'Bad character in a header.');
  return [name.toLowerCase(), value];
}

// By hand: trim() takes more for blank than HTTP does, and a pattern for the end would try at each blank.
function trimmed(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text[from])) from += 1;
  while (to > from && isBlank(text[to - 1])) to -= 1;
  return text.slice(from, to);
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t';
}
