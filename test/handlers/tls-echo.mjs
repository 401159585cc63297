import { serve } from 'forkless/worker';

serve({
  connection: (socket) => {
    socket.write(
      `${JSON.stringify({
        remoteAddress: socket.remoteAddress,
        localPort: typeof socket.localPort,
        encrypted: socket.encrypted ?? false,
        protocol: socket.getProtocol?.(),
        alpn: socket.alpnProtocol,
        servername: socket.servername,
        authorized: socket.authorized,
        client: socket.getPeerCertificate?.().subject?.CN,
      })}\n`,
    );
    socket.pipe(socket);
  },
});
