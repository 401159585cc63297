import { expect, it } from 'vitest';
import { http } from '../../src/http.ts';
import { checkHandlers } from '../../src/worker/session/check-handlers.ts';

const app = (): void => undefined;
const mine = (): void => undefined;

it.each(['workerStarted', 'workerStopping'])('refuses another `%s` behind `...http(app)`', (name) => {
  expect(() => {
    checkHandlers({ ...http(app), [name]: mine });
  }).toThrow(`Give yours to http(app, { ${name} })`);
});

it('takes what `http()` gives, and handlers of one`s own around it', () => {
  const { connection, ...rest } = http(app, { workerStarted: mine, workerStopping: mine });
  checkHandlers({ connection, ...rest });
  checkHandlers({ ...rest, connection: (socket: never, worker: never) => connection(socket, worker) });
});
