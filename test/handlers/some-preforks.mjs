// Several preforks of this module, which threads come by in ways that differ; prints what each answers, or why it is none.
import { once } from 'node:events';
import { connect } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { prefork } from 'forkless';
import { PreforkTCP } from 'forkless/poe';

const shared = { port: 0, host: '127.0.0.1', workers: 1, threadHost: process.env.HOST };
const saying = (name) => ({
  ...shared,
  clientInput: ({ client }, line) => void client.put(`${name} ${line}`),
});
const same = saying('same');

const one = () => prefork(import.meta.url, saying('one'));
const other = () => prefork(import.meta.url, saying('other'));
const named = (name) => prefork(import.meta.url, saying(name));
const Forkless = { threadHost: process.env.HOST };
const poe = (ClientInput) => ({ Port: 0, Address: '127.0.0.1', StartServer: 1, Forkless, ClientInput });

const cases = {
  'in another order': () => (isMainThread ? [one(), other()] : [other(), one()]),
  'one in the main thread alone': () => [isMainThread ? one() : undefined, other()],
  'behind two of one line in the main thread alone': () => [
    named('one'),
    named('other'),
    isMainThread ? one() : undefined,
  ],
  'on one line': () => [prefork(import.meta.url, saying('one')), prefork(import.meta.url, saying('other'))],
  'by a function': () => [named('one'), named('other')],
  'in a loop': () => ['one', 'other'].map((name) => prefork(import.meta.url, saying(name))),
  'in a loop with the same handlers': () => [1, 2].map(() => prefork(import.meta.url, same)),
  'by the ancestor': () => [
    PreforkTCP(
      import.meta.url,
      poe(({ heap, arg0 }) => heap.client.put(`one ${arg0}`)),
    ),
    PreforkTCP(
      import.meta.url,
      poe(({ heap, arg0 }) => heap.client.put(`other ${arg0}`)),
    ),
  ],
};

async function answerOf(server) {
  const { port } = 'prefork' in server ? server.prefork : server;
  const client = connect(port, '127.0.0.1');
  client.write('hello\n');
  const [answer] = await once(client, 'data');
  client.destroy();
  return String(answer).trim();
}

const begun = await Promise.allSettled(cases[process.env.CASE]());
if (isMainThread)
  for (const { value, reason } of begun)
    console.log(reason ? `${reason.code} ${reason.message}` : value ? await answerOf(value) : 'nothing');
for (const { value } of begun)
  await ('prefork' in (value ?? {}) ? value.prefork : value)?.close({ grace: 0 });
