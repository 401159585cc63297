import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, it, vi } from 'vitest';
import { fetchListener, type FetchHandler } from '../../src/http/fetch.ts';
import { description, made, type Description } from '../hostile.ts';

interface Given {
  readonly warning: unknown;
  readonly detail: string | undefined;
}

const given: Given[] = [];

vi.spyOn(process, 'emitWarning').mockImplementation((warning: unknown, options: unknown) => {
  const { detail } = (typeof warning === 'string' ? options : warning) as { readonly detail?: string };
  given.push({ warning, detail });
});

afterEach(() => {
  given.length = 0;
});

const fail = (described: Description): never => {
  throw made(described);
};

const told = (): number =>
  given.reduce((sum, { detail }) => sum + 1 + Number(/^and (\d+) more/.exec(detail ?? '')?.[1] ?? 0), 0);

it('a Fetch handler that fails by whatever is answered with 500, and warned of without end but for a count', async () => {
  let handler: FetchHandler = () => new Response();
  const server = createServer(fetchListener((request) => handler(request))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let failures = 0;
  const ways = fc.constantFrom('throws', 'rejects', 'returns');
  await fc.assert(
    fc.asyncProperty(ways, description, async (way, described) => {
      handler = () => {
        if (way === 'throws') return fail(described);
        if (way === 'rejects') return Promise.resolve().then(() => fail(described));
        return made(described) as Response;
      };
      failures += 1;
      expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(500);
    }),
    { numRuns: 200 },
  );
  await vi.waitFor(
    () => {
      expect(told()).toBe(failures);
    },
    { timeout: 20_000 },
  );
  expect(given.length).toBeLessThan(failures / 2);
  for (const { warning } of given) {
    // Text that was thrown is one as it is.
    if (typeof warning === 'string') continue;
    const { name, message, stack } = warning as Error;
    expect([name, message, stack]).toEqual([expect.any(String), expect.any(String), expect.any(String)]);
  }
  server.close();
  server.closeAllConnections();
});
