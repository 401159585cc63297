// Echo over TLS, ended in the workers. Try: openssl s_client -quiet -connect localhost:8443
// KEY and CERT name files; without them it makes a certificate for itself, with the program openssl.
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { prefork } from 'forkless';

function ownCertificate() {
  const folder = mkdtempSync(join(tmpdir(), 'forkless-tls-echo-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const what = ['-x509', '-nodes', '-newkey', 'rsa:2048', '-days', '30', '-subj', '/CN=localhost'];
  execFileSync('openssl', ['req', ...what, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key, cert };
}

const { KEY: key, CERT: cert } = process.env;
// The workers run this too, and are given what they need.
const files = isMainThread && (key && cert ? { key, cert } : ownCertificate());

const server = await prefork(import.meta.url, {
  signals: true,
  port: Number(process.env.PORT ?? 8443),
  workers: 2,
  allowHalfOpen: true,
  tls: files ? { key: pathToFileURL(files.key), cert: pathToFileURL(files.cert) } : undefined,
  connection: (socket) => {
    socket.write(`${socket.getProtocol()}, from ${socket.remoteAddress}\n`);
    socket.pipe(socket);
  },
});
console.log(`TLS on port ${server.address().port}`);

// A renewed certificate is taken up without losing a connection.
process.on('SIGHUP', () => {
  server.reload().catch((error) => console.error(error.message, error.cause?.message ?? ''));
});
