import { type X509Certificate } from 'node:crypto';
import { type Duplex } from 'node:stream';
import { type PeerCertificate, type TLSSocket } from 'node:tls';
import { fieldOf, textOf } from '../core/thrown.ts';
import { type Secured } from '../core/types.ts';

// Not `instanceof`: that would load `node:tls` for those who do without.
const isSecure = (stream: Duplex): stream is TLSSocket =>
  'encrypted' in stream && 'getPeerX509Certificate' in stream;

/** What is known of a connection whose TLS has ended before it is handed over. */
export function securedOf(stream: Duplex): Secured | undefined {
  if (!isSecure(stream)) return undefined;
  const certificate = stream.getPeerX509Certificate()?.raw.toString('base64');
  return {
    // A stream of the user's may have anything there, and only text can travel to a worker.
    protocol: textOf({ protocol: stream.getProtocol() }, 'protocol') ?? null,
    alpnProtocol: textOf(stream, 'alpnProtocol') ?? false,
    servername: textOf(stream, 'servername') ?? false,
    authorized: Boolean(fieldOf(stream, 'authorized')),
    // Node's types have an Error here; what it sets is a code.
    authorizationError: textOf(stream, 'authorizationError'),
    certificate,
  };
}

/** Gives a socket that carries plain bytes what a `tls.TLSSocket` has for those who ask whether the client is safe. */
export function lendSecured(socket: Duplex, secured: Secured): void {
  const { protocol, certificate, ...fields } = secured;
  const x509 = (): X509Certificate | undefined => {
    if (certificate === undefined) return undefined;
    const { X509Certificate: Certificate } = process.getBuiltinModule('node:crypto');
    return new Certificate(Buffer.from(certificate, 'base64'));
  };
  Object.assign(socket, fields, {
    encrypted: true,
    getProtocol: () => protocol,
    getPeerX509Certificate: x509,
    getPeerCertificate: (): PeerCertificate | object => x509()?.toLegacyObject() ?? {},
  });
}
