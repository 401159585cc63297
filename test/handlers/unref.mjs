// A whole program: a prefork on a port or on descriptor FD that serves itself once, then is held as HOLD says.
import { createPrefork } from 'forkless';

const { FD, HOLD = '' } = process.env;
const server = createPrefork({
  worker: new URL('./commands.mjs', import.meta.url),
  threadHost: 'worker',
  startWorkers: 1,
  maxWorkers: 2,
});
const { port } = await server.listen(FD ? { fd: Number(FD) } : { host: '127.0.0.1', port: 0 });
console.log('port', port);
const client = server.connect();
client.write('hello\n');
client.on('data', (text) => {
  if (!String(text).includes('hello')) return;
  console.log('served');
  if (!HOLD.endsWith('unref')) client.end();
  for (const call of HOLD.split(' ').filter(Boolean)) server[call]();
});
