/** The option `tls`: its public types, and the form in which it goes to a worker. The main thread checks it. */
import { fileURLToPath } from 'node:url';
import { millis, oneOf, onlyKnown } from '../core/check.ts';
import { errors } from '../core/errors.ts';
import { type Millis } from '../core/types.ts';

/**
 * PEM text, its bytes, or a `file:` URL. A file is read by each worker when it starts, so that `reload()` takes up a
 * renewed one.
 */
export type Pem = string | Uint8Array | URL;

/** The identity of this server. */
export interface TlsIdentity {
  readonly key: Pem;
  /** The certificate, with its chain. */
  readonly cert: Pem;
  /** The passphrase of an encrypted `key`. */
  readonly passphrase?: string | undefined;
  /** Whose client certificates are trusted (default: what Node trusts). */
  readonly ca?: Pem | undefined;
}

/** TLS for every connection of a prefork. All of it can travel to a worker: there are no functions. */
export interface TlsOptions extends TlsIdentity {
  /**
   * Where TLS ends: `'worker'` (default), which spreads the CPU time of handshakes and ciphers over the workers, or
   * `'main'`, where a worker's handlers get plain bytes.
   */
  readonly in?: 'worker' | 'main' | undefined;
  /** Further identities by the name that the client asks for (SNI): `'example.org'`, `'*.example.org'`. */
  readonly contexts?: Readonly<Record<string, TlsIdentity>> | undefined;
  /** Protocols offered, best first: `['h2', 'http/1.1']`. Default: none. */
  readonly ALPNProtocols?: readonly string[] | undefined;
  /** Asks for a client certificate. Default false. */
  readonly requestCert?: boolean | undefined;
  /** Closes when a certificate was asked for and none comes that is trusted. Default true. */
  readonly rejectUnauthorized?: boolean | undefined;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  readonly ciphers?: string | undefined;
  /** A handshake that takes longer is given up. Default 30 000 ms. */
  readonly handshakeTimeout?: Millis | undefined;
}

/** PEM as it travels to a worker: a file is named by an object, since a URL cannot be cloned. */
export type PlainPem = string | Uint8Array | { readonly file: string };

export interface PlainIdentity {
  readonly key: PlainPem;
  readonly cert: PlainPem;
  readonly ca: PlainPem | undefined;
  readonly passphrase: string | undefined;
}

export interface PlainTls extends Omit<
  TlsOptions,
  keyof TlsIdentity | 'in' | 'contexts' | 'handshakeTimeout'
> {
  readonly in: 'worker' | 'main';
  readonly identity: PlainIdentity;
  readonly contexts: Readonly<Record<string, PlainIdentity>>;
  readonly handshakeTimeout: Millis;
  /** The same for all workers: a client may resume its session on whichever it comes to. */
  readonly ticketKeys: Uint8Array;
}

const IDENTITY = ['key', 'cert', 'ca', 'passphrase'] as const;
const PASSED = [
  'ALPNProtocols',
  'requestCert',
  'rejectUnauthorized',
  'minVersion',
  'maxVersion',
  'ciphers',
] as const;
const KNOWN: readonly string[] = [...IDENTITY, ...PASSED, 'in', 'contexts', 'handshakeTimeout'];

let ticketKeys: Uint8Array | undefined;

// Drawn once, and only with TLS: loading the module takes time.
const theTicketKeys = (): Uint8Array =>
  (ticketKeys ??= process.getBuiltinModule('node:crypto').randomBytes(48));

function plainPem(name: string, value: unknown): PlainPem {
  if (value instanceof URL && value.protocol === 'file:') return { file: fileURLToPath(value) };
  if (value instanceof Uint8Array || (typeof value === 'string' && value.includes('-----BEGIN ')))
    return value;
  throw errors.badOption(
    name,
    'PEM text, its bytes or a file: URL',
    typeof value === 'string' ? 'other text' : value,
  );
}

function plainIdentity(name: string, { key, cert, ca, passphrase }: TlsIdentity): PlainIdentity {
  return {
    key: plainPem(`${name}.key`, key),
    cert: plainPem(`${name}.cert`, cert),
    ca: ca === undefined ? undefined : plainPem(`${name}.ca`, ca),
    passphrase,
  };
}

/** Checks the option `tls`; throws `FORKLESS_BAD_OPTION` or `FORKLESS_UNKNOWN_OPTION`. Key and certificate are not read. */
export function resolveTls(options: TlsOptions | null): PlainTls {
  if (typeof options !== 'object' || options === null)
    throw errors.badOption('tls', 'an object with key and cert', options);
  onlyKnown(options, KNOWN);
  const passed = PASSED.map((name) => [name, options[name]] as const).filter(
    ([, value]) => value !== undefined,
  );
  const contexts = Object.entries(options.contexts ?? {}).map(
    ([name, identity]) => [name, plainIdentity(`tls.contexts.${name}`, identity)] as const,
  );
  return {
    ...Object.fromEntries(passed),
    in: oneOf('tls.in', options.in ?? 'worker', ['worker', 'main']),
    identity: plainIdentity('tls', options),
    contexts: Object.fromEntries(contexts),
    handshakeTimeout: millis('tls.handshakeTimeout', options.handshakeTimeout ?? 30_000),
    ticketKeys: theTicketKeys(),
  };
}
