import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { type Prefork } from 'forkless';
import { createTransport } from 'nodemailer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { started } from '../peers.ts';
import { TRANSPORTS, type Transport } from '../../transports.ts';

interface MqttClient extends NodeJS.EventEmitter {
  subscribeAsync(topic: string): Promise<unknown>;
  publishAsync(topic: string, message: string, options: { qos: 0 | 1 | 2 }): Promise<unknown>;
  endAsync(): Promise<unknown>;
}

const require = createRequire(import.meta.url);
// Its own types are those of browsers.
const { connectAsync } = require('mqtt') as { connectAsync: (url: string) => Promise<MqttClient> };

let transport: Transport = 'relay';
let server: Prefork;
let port: number;

async function serving(name: string): Promise<void> {
  const options = {
    argv: [name],
    transport,
    startWorkers: 1,
    masterHeartbeat: 2_000,
    workerHeartbeat: 500,
  };
  ({ server, port } = await started('brokers', options));
}

afterEach(async () => {
  await server.close({ grace: 1_000 });
});

describe.each(TRANSPORTS)('by %s', (by) => {
  beforeEach(() => {
    transport = by;
  });

  it('aedes: publishes to a subscriber, by mqtt', async () => {
    await serving('mqtt');
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
    await client.subscribeAsync('news');
    const heard = once(client, 'message');
    await client.publishAsync('news', 'hello', { qos: 1 });
    const [topic, payload] = (await heard) as [string, Buffer];
    expect([topic, payload.toString()]).toEqual(['news', 'hello']);
    await client.endAsync();
  });

  it('smtp-server: takes a mail, by nodemailer', async () => {
    await serving('smtp');
    const mailer = createTransport({ host: '127.0.0.1', port, secure: false, ignoreTLS: true });
    const { response } = await mailer.sendMail({
      from: 'a@b.test',
      to: 'c@d.test',
      text: 'x'.repeat(300_000),
    });
    expect(response).toBe('250 got all from 127.0.0.1');
    mailer.close();
  });

  interface SshStream extends AsyncIterable<Buffer> {
    readonly stderr: unknown;
  }

  interface SshClient extends NodeJS.EventEmitter {
    connect(options: { host: string; port: number; username: string; password: string }): void;
    exec(command: string, done: (error: Error | undefined, stream: SshStream) => void): void;
    end(): void;
  }

  it('ssh2: runs a command, by its own client', async () => {
    await serving('ssh');
    const { Client } = require('ssh2') as { Client: new () => SshClient };
    const client = new Client();
    client.connect({ host: '127.0.0.1', port, username: 'x', password: 'y' });
    await once(client, 'ready');
    const stream = await new Promise<SshStream>((resolve, reject) => {
      client.exec('uptime', (error, opened) => {
        if (error) reject(error);
        else resolve(opened);
      });
    });
    let text = '';
    for await (const chunk of stream) text += chunk.toString();
    expect(text).toBe('ran uptime');
    client.end();
  });

  it.each(['mqtt', 'smtp', 'ssh'])(
    '%s: keeps no connection whose client has left without a word',
    async (name) => {
      await serving(name);
      const closed = once(server, 'connectionClosed');
      const client = connect(port, '127.0.0.1').resume();
      await once(server, 'connection');
      client.end();
      expect((await closed)[0]).toMatchObject({ reason: 'ended' });
      expect(server.status().connections.open).toBe(0);
    },
  );
});
