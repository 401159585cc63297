/** Connections without a network, for `connect()` and tests. */
import { AsyncResource } from 'node:async_hooks';
import { duplexPair, type Duplex } from 'node:stream';

/** Both ends of a connection without a network: the client's and the one to be served. */
export function memoryPair(): [client: Duplex, server: Duplex] {
  const [client, server] = duplexPair();
  // The client's events run in the async context of the call that connected, as those of `net.connect()` do.
  const push = AsyncResource.bind(client.push.bind(client));
  client.push = (...given) => push(...given);
  // As with `net.connect()`, a client that wants to go on after the other side's end must say so.
  client.allowHalfOpen = false;
  // A pair by itself passes on a proper end only. A network would also tell that a side is gone.
  client.once('close', () => server.destroy());
  server.once('close', () => {
    if (!server.writableFinished) client.destroy();
  });
  return [client, server];
}
