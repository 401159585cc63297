/**
 * Takes the facts of a TLS connection from its socket in the main thread, and lends them to the socket in a worker.
 * Used in both threads.
 */
import { type X509Certificate } from 'node:crypto';
import { type Duplex } from 'node:stream';
import { type DetailedPeerCertificate, type PeerCertificate, type TLSSocket } from 'node:tls';
import { errors } from '../core/errors.ts';
import { fieldOf, textOf } from '../core/thrown.ts';
import { type Secured } from '../core/types.ts';

// Not `instanceof`: that would load `node:tls` in programs that do without.
const isSecure = (stream: Duplex): stream is TLSSocket =>
  'encrypted' in stream && 'getPeerX509Certificate' in stream;

/** Methods whose answers are plain data, and stand once the handshake is done. */
const ANSWERS = [
  'getProtocol',
  'getCipher',
  'getSharedSigalgs',
  'getEphemeralKeyInfo',
  'isSessionReused',
] as const;
/** The methods that answer with bytes, or with nothing. */
const BYTES = ['getFinished', 'getPeerFinished', 'getTLSTicket'] as const;

/** Channel binding, RFC 9266, which wants 32 bytes; in TLS 1.3 fewer bytes are others, not the first of these. */
const EXPORTED_LABEL = 'EXPORTER-Channel-Binding';
const EXPORTED_LENGTHS = [16, 32];

// The most bytes of all issuers together. A client's own certificate has OpenSSL's bound, 100 KiB for all that it sends.
const MAX_ISSUERS = 65_536;

/** The certificate that this side has shown, DER in base64. */
export const shownBy = (secure: TLSSocket): string | undefined =>
  secure.getX509Certificate()?.raw.toString('base64');

/**
 * What is known of a connection whose TLS has ended before it is offered; `shown` is what `shownBy` says, where that
 * is known already.
 */
export function securedOf(stream: Duplex, shown?: string): Secured | undefined {
  try {
    return isSecure(stream) ? askedOf(stream, shown) : undefined;
  } catch {
    // A stream of the user's that has some of a secure socket, and no more.
    return undefined;
  }
}

function askedOf(stream: TLSSocket, shown: string | undefined): Secured {
  return {
    // A stream of the user's may have anything there, and only text can travel to a worker.
    alpnProtocol: textOf(stream, 'alpnProtocol') ?? false,
    servername: textOf(stream, 'servername') ?? false,
    authorized: Boolean(fieldOf(stream, 'authorized')),
    // Node's types have an Error here; what it sets is a code.
    authorizationError: textOf(stream, 'authorizationError'),
    ...chainOf(stream),
    shown: shown ?? shownBy(stream),
    answers: plain(Object.fromEntries(ANSWERS.map((name) => [name, stream[name]()]))),
    bytes: Object.fromEntries(BYTES.map((name) => [name, stream[name]()?.toString('base64')])),
    exported: exportedBy(stream),
  };
}

// As it will be in the worker; throws for what cannot travel there.
const plain = (answers: Record<string, unknown>): Record<string, unknown> =>
  JSON.parse(JSON.stringify(answers)) as Record<string, unknown>;

interface Certificate {
  readonly raw: Buffer;
  readonly issuerCertificate?: Certificate | undefined;
}

function chainOf(stream: TLSSocket): Pick<Secured, 'certificates' | 'rooted'> {
  const certificates: string[] = [];
  let room = MAX_ISSUERS;
  let at = chainBy(stream);
  while (at !== undefined) {
    certificates.push(at.raw.toString('base64'));
    const issuer: Certificate | undefined = at.issuerCertificate;
    if (issuer === at || (issuer === undefined && isX509(at) && at.checkIssued(at)))
      return { certificates, rooted: true };
    room -= issuer?.raw.length ?? 0;
    at = room < 0 ? undefined : issuer;
  }
  return { certificates, rooted: false };
}

const isX509 = (certificate: object): certificate is X509Certificate => 'checkIssued' in certificate;

// The plain object costs ten times as much, but Node 20 tells of issuers only there.
function chainBy(stream: TLSSocket): Certificate | undefined {
  const leaf = stream.getPeerX509Certificate();
  if (leaf === undefined || leaf.issuerCertificate !== undefined || leaf.checkIssued(leaf)) return leaf;
  return stream.getPeerCertificate(true);
}

function exportedBy(stream: TLSSocket): Record<string, string> {
  try {
    return Object.fromEntries(
      EXPORTED_LENGTHS.map((length) => [
        length,
        stream.exportKeyingMaterial(length, EXPORTED_LABEL, undefined as never).toString('base64'),
      ]),
    );
  } catch {
    // The stream was given to us with its handshake under way; whoever asks for it is told.
    return {};
  }
}

const SECURED: unique symbol = Symbol('forkless.secured');

interface Lent {
  readonly [SECURED]: Secured;
}

const bytesOf = (base64: string | undefined): Buffer | undefined =>
  base64 === undefined ? undefined : Buffer.from(base64, 'base64');

function x509(base64: string): X509Certificate {
  const { X509Certificate: Certificate } = process.getBuiltinModule('node:crypto');
  return new Certificate(Buffer.from(base64, 'base64'));
}

type Method = (this: Lent, ...given: never[]) => unknown;

const lentAnswers: Readonly<Record<string, Method>> = Object.fromEntries([
  ...ANSWERS.map((name) => [
    name,
    function answer(this: Lent) {
      return structuredClone(this[SECURED].answers[name]);
    },
  ]),
  ...BYTES.map((name) => [
    name,
    function bytes(this: Lent) {
      return bytesOf(this[SECURED].bytes[name]);
    },
  ]),
]) as Record<string, Method>;

// The same functions for all sockets: a connection has no closures of its own for what hardly anybody asks.
const lentMethods = {
  ...lentAnswers,
  getPeerCertificate(this: Lent, detailed?: boolean): PeerCertificate | object {
    const { certificates, rooted } = this[SECURED];
    const shown = detailed === true ? certificates : certificates.slice(0, 1);
    const chain = shown.map((each) => x509(each).toLegacyObject() as Partial<DetailedPeerCertificate>);
    if (detailed === true) {
      for (const [at, each] of chain.entries()) {
        const issuer = chain[at + 1] ?? (rooted ? each : undefined);
        if (issuer) each.issuerCertificate = issuer as DetailedPeerCertificate;
      }
    }
    return chain[0] ?? {};
  },
  getPeerX509Certificate(this: Lent): X509Certificate | undefined {
    const chain = this[SECURED].certificates.map(x509);
    for (const [at, each] of chain.entries())
      if (chain[at + 1]) Object.defineProperty(each, 'issuerCertificate', { value: chain[at + 1] });
    return chain[0];
  },
  getCertificate(this: Lent): PeerCertificate | object {
    const { shown } = this[SECURED];
    return shown === undefined ? {} : x509(shown).toLegacyObject();
  },
  getX509Certificate(this: Lent): X509Certificate | undefined {
    const { shown } = this[SECURED];
    return shown === undefined ? undefined : x509(shown);
  },
  exportKeyingMaterial(this: Lent, length: number, label: string, context?: Uint8Array): Buffer {
    const { exported, answers } = this[SECURED];
    // From TLS 1.3 on, an empty context is the same as none.
    const without = context === undefined || (context.length === 0 && answers['getProtocol'] === 'TLSv1.3');
    const known = label === EXPORTED_LABEL && without ? bytesOf(exported[length]) : undefined;
    if (known) return known;
    const most = EXPORTED_LENGTHS.join(' or ');
    throw errors.tlsInMain(`exportKeyingMaterial() of other than ${most} bytes for '${EXPORTED_LABEL}'`);
  },
  getSession(): never {
    throw errors.tlsInMain('getSession()');
  },
  // Where TLS ends in the main thread, it allows none.
  disableRenegotiation(): void {
    return undefined;
  },
  // Returns whether it could.
  setMaxSendFragment(): boolean {
    return false;
  },
};

/** Gives a socket that carries plain bytes what a `tls.TLSSocket` has to tell. */
export function lendSecured(socket: Duplex, secured: Secured): void {
  const { alpnProtocol, servername, authorized, authorizationError } = secured;
  const fields = { alpnProtocol, servername, authorized, authorizationError, encrypted: true };
  Object.assign(socket, fields, lentMethods);
  Object.defineProperty(socket, SECURED, { value: secured });
}
