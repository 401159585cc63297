import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { httpHandlers } from '../../src/http/handlers.ts';

// It brings no types.
const express = createRequire(import.meta.url)('express') as () => RequestListener;

const listener = (): void => undefined;

describe('httpHandlers', () => {
  it('makes a server of a listener, and keeps one that is given', () => {
    const own = createServer(listener);
    expect(httpHandlers(own).server).toBe(own);
    expect(httpHandlers(listener).server.listenerCount('request')).toBe(1);
  });

  it('passes on the limits', () => {
    const { server } = httpHandlers(listener, { maxRequestsPerSocket: 3, headersTimeout: 5_000, timeout: 7 });
    expect(server).toMatchObject({ maxRequestsPerSocket: 3, headersTimeout: 5_000, timeout: 7 });
  });

  it.each([
    [{ keepAliveTimeOut: 1 }, 'FORKLESS_UNKNOWN_OPTION'],
    [{ idleGrace: 0 }, 'FORKLESS_BAD_OPTION'],
    [{ http2: 1 }, 'FORKLESS_BAD_OPTION'],
    [{ http2: null }, 'FORKLESS_BAD_OPTION'],
    [{ noDelay: 'yes' }, 'FORKLESS_BAD_OPTION'],
    [{ timeout: '5s' }, 'FORKLESS_BAD_OPTION'],
    [{ maxRequestsPerSocket: 1.5 }, 'FORKLESS_BAD_OPTION'],
    [{ maxHeadersCount: -1 }, 'FORKLESS_BAD_OPTION'],
    [{ workerStarted: true }, 'FORKLESS_BAD_OPTION'],
    [{ workerStopping: {} }, 'FORKLESS_BAD_OPTION'],
    [{ port: 80 }, 'FORKLESS_UNKNOWN_OPTION'],
    [8080, 'FORKLESS_BAD_OPTION'],
    [null, 'FORKLESS_BAD_OPTION'],
  ])('refuses %o', (options, code) => {
    expect(() => httpHandlers(listener, options as never)).toThrow(expect.objectContaining({ code }));
  });

  it('refuses HTTP/2 for an app of Express, which would end its worker with the first request', () => {
    const app = express();
    expect(() => httpHandlers(app, { http2: true })).toThrow(/`http2` to be false for an Express app/);
    expect(() => httpHandlers(app, { http2: {} })).toThrow(/`http2` to be false for an Express app/);
    expect(httpHandlers(app, { http2: false }).server.listenerCount('request')).toBe(1);
  });

  it.each([undefined, {}, 'app'])('refuses %o as an app', (app) => {
    expect(() => httpHandlers(app as never)).toThrow(
      expect.objectContaining({ code: 'FORKLESS_BAD_OPTION' }),
    );
  });
});
