import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { httpHandlers } from '../../src/http/handlers.ts';

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
  ])('refuses %o', (options, code) => {
    expect(() => httpHandlers(listener, options as never)).toThrow(expect.objectContaining({ code }));
  });

  it.each([undefined, {}, 'app'])('refuses %o as an app', (app) => {
    expect(() => httpHandlers(app as never)).toThrow(
      expect.objectContaining({ code: 'FORKLESS_BAD_OPTION' }),
    );
  });
});
