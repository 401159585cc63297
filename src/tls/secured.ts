import { X509Certificate } from 'node:crypto';
import { type Duplex } from 'node:stream';
import { TLSSocket, type PeerCertificate } from 'node:tls';
import { type Secured } from '../core/types.ts';

/** What is known of a connection whose TLS has ended before it is handed over. */
export function securedOf(stream: Duplex): Secured | undefined {
  if (!(stream instanceof TLSSocket)) return undefined;
  const { alpnProtocol, servername, authorized, authorizationError } = stream as TLSSocket & {
    readonly servername?: string | false | null;
  };
  const certificate = stream.getPeerX509Certificate()?.raw.toString('base64');
  return {
    protocol: stream.getProtocol(),
    alpnProtocol,
    servername: servername ?? false,
    authorized,
    // Node's types have an Error here; what it sets is a code.
    authorizationError: typeof authorizationError === 'string' ? authorizationError : undefined,
    certificate,
  };
}

/** Gives a socket that carries plain bytes what a `tls.TLSSocket` has for those who ask whether the client is safe. */
export function lendSecured(socket: Duplex, secured: Secured): void {
  const { protocol, certificate, ...fields } = secured;
  const x509 = (): X509Certificate | undefined =>
    certificate === undefined ? undefined : new X509Certificate(Buffer.from(certificate, 'base64'));
  Object.assign(socket, fields, {
    encrypted: true,
    getProtocol: () => protocol,
    getPeerX509Certificate: x509,
    getPeerCertificate: (): PeerCertificate | object => x509()?.toLegacyObject() ?? {},
  });
}
