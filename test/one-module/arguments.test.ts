import { expect, it } from 'vitest';
import { prefork } from '../../src/one-module/prefork.ts';
import { http } from '../../src/http.ts';

const here = import.meta.url;
const clientInput = (): void => undefined;
const app = http(() => undefined);

it.each<[string, readonly unknown[], string, string]>([
  [
    'an app before the options',
    [here, app, { port: 0 }],
    'FORKLESS_BAD_OPTION',
    'Expected `prepare` to be a function (options and handlers are one object, the second argument of prefork(): { port, ...http(app) }), got an object',
  ],
  ['no URL', [{ port: 0, clientInput }], 'FORKLESS_BAD_OPTION', 'Expected `url` to be the URL'],
  ['a relative path', ['chat.js', { port: 0 }], 'FORKLESS_BAD_OPTION', 'as import.meta.url, got "chat.js"'],
  ['no options', [here], 'FORKLESS_BAD_OPTION', 'Expected `options` to be an object, got undefined'],
  ['a function for them', [here, clientInput], 'FORKLESS_BAD_OPTION', 'Expected `options` to be an object'],
  [
    'a module among the options',
    [here, { worker: './worker.js', port: 0 }],
    'FORKLESS_UNKNOWN_OPTION',
    '`worker` is an option of createPrefork()',
  ],
  [
    'a misspelt handler',
    [here, { clientInpt: clientInput }],
    'FORKLESS_UNKNOWN_OPTION',
    'Unknown option or handler `clientInpt`; did you mean `clientInput`?',
  ],
])('prefork() with %s says what is wrong', async (_, given, code, message) => {
  const call = Reflect.apply(prefork, undefined, given) as Promise<unknown>;
  const error: unknown = await call.catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string });
});
