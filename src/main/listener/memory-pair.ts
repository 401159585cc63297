import { AsyncResource } from 'node:async_hooks';
import { duplexPair, type Duplex } from 'node:stream';

/** Both ends of a connection without a network: the client's and the one to be served. */
export function memoryPair(): [client: Duplex, server: Duplex] {
  const [client, server] = duplexPair();
  // The client's events come in the context of whoever has connected, as those of `net.connect()` do.
  const push = AsyncResource.bind(client.push.bind(client));
  client.push = (...given) => push(...given);
  // As of net.connect(): whoever wants to go on after the other side's end says so.
  client.allowHalfOpen = false;
  // Of itself a pair only passes on a proper end; a network would also tell that a side is gone.
  client.once('close', () => server.destroy());
  server.once('close', () => {
    if (!server.writableFinished) client.destroy();
  });
  return [client, server];
}
