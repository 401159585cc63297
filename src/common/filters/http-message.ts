/** The records of the HTTP filter, and the encoder of responses. Runs in a worker. */
import { errors } from '../core/errors.ts';
import { show } from '../core/thrown.ts';
import { bytesOf, type TextEncoding } from './text-bytes.ts';

export interface HttpRequest {
  readonly method: string;
  /** As it came, but for more than one slash at its beginning. */
  readonly target: string;
  /** `'HTTP/1.1'`, `'HTTP/1.0'`, and `'HTTP/0.9'` where none was given. */
  readonly version: string;
  /** By name in lower case; several of one name are joined by `', '`, cookies by `'; '`. */
  readonly headers: ReadonlyMap<string, string>;
  /** Empty when it comes in parts. */
  readonly body: Buffer;
  /** Whether the body comes in the records behind this one: only where the filter streams, and there is a body. */
  readonly bodyFollows: boolean;
}

/** A part of a request's body, where the filter streams. */
export interface HttpBodyPart {
  /** Never empty, but in the last part. */
  readonly body: Buffer;
  readonly isLast: boolean;
}

export interface HttpResponse {
  /** 100 to 999. */
  readonly status: number;
  /** Default: what the status means, where that is known. */
  readonly reason?: string;
  /** Default `'HTTP/1.0'`. */
  readonly version?: 'HTTP/1.0' | 'HTTP/1.1';
  /** Written as they are, none is added. */
  readonly headers?: Readonly<Record<string, string | number | readonly string[]>>;
  readonly body?: string | Uint8Array;
}

const REASONS: Readonly<Record<number, string>> = {
  100: 'Continue',
  101: 'Switching Protocols',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  206: 'Partial Content',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Large',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  417: 'Expectation Failed',
  422: 'Unprocessable Content',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

const NAME = /^[!#$%&'*+\-.^_`|~\w]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The answer to a request that is refused: a page of HTML. `details` is put in as HTML. */
export function errorResponse(status: number, details: string): HttpResponse {
  const title = `Error ${status}: ${reasonOf(status)}`;
  const head = `<head><title>${title}</title></head>`;
  const body = `<html>${head}<body><h1>${title}</h1><p>${details}</p></body></html>`;
  return {
    status,
    headers: { 'Content-Type': 'text/html', 'Content-Length': Buffer.byteLength(body) },
    body,
  };
}

/** Throws `FORKLESS_BAD_RESPONSE`: what is not checked here could end a header early and begin another. */
export function encodeResponse(response: HttpResponse, encoding: TextEncoding): Buffer {
  const { headers = {}, body = '' } = response;
  const lines = [statusLine(response), ...Object.entries(headers).flatMap(headerLines)];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return Buffer.concat([head, typeof body === 'string' ? bytesOf(body, encoding) : body]);
}

function statusLine({ status, version = 'HTTP/1.0', reason = reasonOf(status) }: HttpResponse): string {
  if (!Number.isInteger(status) || status < 100 || status > 999)
    throw errors.badResponse(`status ${show(status)}`);
  if (!/^HTTP\/1\.[01]$/.test(version)) throw errors.badResponse(`version ${show(version)}`);
  return `${version} ${status} ${fit('reason', reason)}`;
}

function headerLines([name, values]: [string, string | number | readonly string[]]): string[] {
  if (!NAME.test(name)) throw errors.badResponse(`header name ${show(name)}`);
  return [values].flat().map((value) => `${name}: ${fit(`header \`${name}\``, String(value))}`);
}

function reasonOf(status: number): string {
  return REASONS[status] ?? 'Unknown Error';
}

function fit(what: string, text: string): string {
  if (VALUE.test(text)) return text;
  throw errors.badResponse(`${what} ${show(text)}`);
}
