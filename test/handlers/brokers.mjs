// Servers of well-known packages, each given the sockets of this worker; `argv` names the one.
import { serve } from 'forkless/worker';

const servers = {
  mqtt: async () => {
    const { Aedes } = await import('aedes');
    const broker = await Aedes.createBroker();
    return (socket) => void broker.handle(socket);
  },
  smtp: async () => {
    const { SMTPServer } = await import('smtp-server');
    const server = new SMTPServer({
      disabledCommands: ['STARTTLS', 'AUTH'],
      disableReverseLookup: true,
      onData: (stream, session, done) => {
        let bytes = 0;
        stream.on('data', (chunk) => (bytes += chunk.length));
        stream.on('end', () =>
          done(null, `got ${bytes > 100_000 ? 'all' : bytes} from ${session.remoteAddress}`),
        );
      },
    });
    return (socket) => server.server.emit('connection', socket);
  },
  ssh: async () => {
    const { default: ssh } = await import('ssh2');
    const { generateKeyPairSync } = await import('node:crypto');
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
    });
    const server = new ssh.Server({ hostKeys: [privateKey] }, (client) => {
      client.on('error', () => {});
      client.on('authentication', (context) => context.accept());
      client.on('session', (accept) =>
        accept().on('exec', (accepted, _reject, { command }) => {
          const stream = accepted();
          stream.write(`ran ${command}`);
          stream.exit(0);
          stream.end();
        }),
      );
    });
    return (socket) => server.injectSocket(socket);
  },
};

serve({ connection: await servers[process.argv[2]]() });
