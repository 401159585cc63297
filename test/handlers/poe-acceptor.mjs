// An Acceptor: raw sockets, and a count in the heap that all connections of a worker share.
import { PreforkTCP } from 'forkless/poe';

await PreforkTCP(import.meta.url, {
  Acceptor: ({ heap, arg0: socket, arg1: ip, arg3: id }) => {
    heap.count = (heap.count ?? 0) + 1;
    socket.write(`${ip} ${id} ${heap.count}\n`);
    socket.pipe(socket);
  },
});
