import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** Whether `openssl` is there to make certificates with. */
export const hasOpenssl: boolean = ((): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn('No `openssl` here to make certificates with: tests of TLS are SKIPPED');
    return false;
  }
})();

/** A certificate for `name`, signed by itself, good for two days. */
export function certificate(name: string): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'forkless-cert-'));
  const key = join(folder, 'key.pem');
  const cert = join(folder, 'cert.pem');
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const to = ['-keyout', key, '-out', cert, '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...to, ...subject], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

let authority: (Certificate & { readonly folder: string }) | undefined;

/**
 * A certificate for `name` that one authority has signed, good for two days; the authority's own is that for
 * `'authority.test'`, and its key stays here. With `extra`, the authority that it comes with has so many bytes more.
 */
export function signed(name: string, extra = 0): Certificate {
  const issuer = extra > 0 ? newAuthority(extra) : (authority ??= newAuthority(0));
  if (name === 'authority.test') return issuer;
  const { folder } = issuer;
  const file = (end: string): string => join(folder, `${name}.${end}`);
  const openssl = (...given: string[]): void => {
    execFileSync('openssl', given, { stdio: 'ignore' });
  };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', ...curve, '-subj', `/CN=${name}`, '-keyout', file('key'), '-out', file('csr'));
  const by = ['-CA', join(folder, 'ca.pem'), '-CAkey', join(folder, 'ca.key'), '-CAcreateserial'];
  openssl('x509', '-req', '-days', '2', '-in', file('csr'), ...by, '-out', file('pem'));
  const own = readFileSync(file('pem'), 'utf8');
  return { key: readFileSync(file('key'), 'utf8'), cert: extra > 0 ? own + issuer.cert : own };
}

function newAuthority(extra: number): Certificate & { readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'forkless-authority-'));
  const [key, cert] = [join(folder, 'ca.key'), join(folder, 'ca.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const to = ['-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=authority.test'];
  const padding = extra > 0 ? ['-addext', `nsComment=${'x'.repeat(extra)}`] : [];
  execFileSync('openssl', ['req', '-x509', ...curve, ...to, ...padding], { stdio: 'ignore' });
  return { folder, key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}
