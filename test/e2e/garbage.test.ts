import { afterEach, expect, it } from 'vitest';
import { type Prefork } from 'forkless';
import { event, started } from './peers.ts';

let server: Prefork;

afterEach(async () => {
  await server.close({ grace: 0 });
});

it.each(['frame', 'cut', 'claim', 'message', 'nothing'])(
  'a worker that sends garbage (%s) is killed and replaced, told once, and harms nobody else',
  async (junk) => {
    const one = await started('garbage');
    server = one.server;
    const victim = one.peer();
    await victim.until(/welcome/);
    const other = one.peer();
    await other.until(/welcome/);
    const troubles: unknown[] = [];
    server.on('handlerError', (trouble) => troubles.push(trouble));
    const exited = event(server, 'workerExited');
    victim.send(`${junk}\n`);
    expect(await exited).toMatchObject({ reason: 'terminated', why: 'garbage' });
    await victim.closed;
    expect(troubles).toEqual([
      expect.objectContaining({ error: expect.objectContaining({ code: 'FORKLESS_BAD_FRAME' }) as unknown }),
    ]);
    while (server.status().counts.ready < 2) await event(server, 'workerReady');
    expect(other.socket.destroyed).toBe(false);
    other.socket.destroy();
  },
);
