// Tells each client all that its socket knows of TLS.
import { serve } from 'forkless/worker';

const hex = (bytes) => bytes?.toString('hex');
const label = 'EXPORTER-Channel-Binding';

function subjects(certificate) {
  const names = [];
  for (let at = certificate; at?.subject; at = at.issuerCertificate) {
    names.push(at.subject.CN);
    if (at.issuerCertificate === at) return [...names, 'itself'];
  }
  return names;
}

// What differs from one connection to the next has no place in it.
const plain = ({ issuerCertificate, ...certificate }) => certificate;

function attempt(call) {
  try {
    call();
    return 'a value';
  } catch ({ code }) {
    return code;
  }
}

serve({
  connection: (socket) => {
    const told = {
      fixed: {
        encrypted: socket.encrypted,
        protocol: socket.getProtocol(),
        cipher: socket.getCipher(),
        reused: socket.isSessionReused(),
        ephemeral: socket.getEphemeralKeyInfo(),
        signatures: socket.getSharedSigalgs(),
        ticket: hex(socket.getTLSTicket()),
        authorized: socket.authorized,
        servername: socket.servername,
        own: socket.getCertificate(),
        ownX509: socket.getX509Certificate().subject,
        peer: socket.getPeerCertificate(),
        detailed: plain(socket.getPeerCertificate(true)),
        subjects: subjects(socket.getPeerCertificate(true)),
        peerX509: socket.getPeerX509Certificate()?.subject,
      },
      own: {
        finished: hex(socket.getFinished()),
        peerFinished: hex(socket.getPeerFinished()),
        exported16: hex(socket.exportKeyingMaterial(16, label)),
        exported32: hex(socket.exportKeyingMaterial(32, label)),
      },
      others: [
        attempt(() => socket.exportKeyingMaterial(20, label)),
        attempt(() => socket.exportKeyingMaterial(32, 'EXPORTER-mine')),
      ],
    };
    socket.disableRenegotiation();
    socket.setMaxSendFragment(4_096);
    socket.write(`${JSON.stringify(told)}\n`);
    socket.on('data', () => socket.destroy(Object.assign(new Error('mine'), { code: 'EMINE' })));
  },
});
