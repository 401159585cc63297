// Two preforks of one module, the second behind the awaited first: its workers never come by it.
import { prefork } from 'forkless';

const shared = { port: 0, host: '127.0.0.1', workers: 1, threadHost: process.env.HOST };
const first = await prefork(import.meta.url, {
  ...shared,
  clientInput: ({ client }, line) => void client.put(`A ${line}`),
});
if (process.env.CLOSED) await first.close();
try {
  await prefork(import.meta.url, {
    ...shared,
    clientInput: ({ client }, line) => void client.put(`B ${line}`),
  });
  console.log('begun');
} catch (error) {
  console.log(error.code, error.message);
}
await first.close();
