import { prefork } from 'forkless';

const server = await prefork(import.meta.url, {
  port: 0,
  startWorkers: 2,
  clientConnected: ({ client, worker }) => {
    client.put(`welcome ${worker.id}`);
  },
  clientInput: ({ client }, line) => {
    client.put(line);
  },
});
console.log(server.address().port);
process.stdin.once('data', () => {
  void server.close();
});
process.stdin.unref?.();
