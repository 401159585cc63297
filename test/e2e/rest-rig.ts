import { connect } from 'node:net';
import { expect } from 'vitest';
import { type Prefork, type PreforkEvents, type PreforkOptions } from 'forkless';
import { type Answer, getOf, KeepAlive } from './keep-alive.ts';
import { event, started } from './peers.ts';

/** Far more than a test takes, so that whoever waits for one of these fails it. */
export const LONG = 60_000;

type Exit = PreforkEvents['workerExited'][0];

/** A prefork by relay with its clients, none of which may be closed because a worker leaves. */
export class RestRig {
  server!: Prefork;
  port = 0;
  readonly #clients: KeepAlive[] = [];

  /** Serves by `http` options; `options.argv` names the form of the app, where the worker has forms. */
  async serve(http: object = {}, options: PreforkOptions = {}, name = 'rests'): Promise<void> {
    const { argv = [] } = options;
    ({ server: this.server, port: this.port } = await started(name, {
      transport: 'relay',
      graceTime: LONG,
      minWorkers: 2,
      maxSpareWorkers: 4,
      ...options,
      argv: [...argv, JSON.stringify({ idleGrace: LONG, keepAliveTimeout: LONG, ...http })],
    }));
  }

  async end(): Promise<void> {
    for (const one of this.#clients.splice(0)) one.socket.destroy();
    await this.server.close({ grace: 0 });
  }

  client(path?: string): KeepAlive {
    const one = new KeepAlive(path === undefined ? connect(this.port, '127.0.0.1') : connect(path));
    this.#clients.push(one);
    return one;
  }

  /** So many clients that have had an answer, with the worker that gave it. */
  async resting(count: number): Promise<Map<KeepAlive, number>> {
    const all = new Map<KeepAlive, number>();
    for (let at = 0; at < count; at += 1) {
      const one = this.client();
      all.set(one, (await one.get()).worker);
    }
    return all;
  }

  /** A client of that worker has had an answer: the worker has read all that was sent to it before. */
  async heard(worker: number): Promise<void> {
    while ((await this.client().get()).worker !== worker);
  }

  /** The next exit, of that worker if one is named. */
  exit(worker?: number): Promise<Exit> {
    const named = (exit: Exit): boolean => worker === undefined || exit.worker === worker;
    return event(this.server, 'workerExited', named) as Promise<Exit>;
  }

  /** The first answer of another worker on this connection: one that is on its way out may still give some. */
  async moved(one: KeepAlive, worker: number): Promise<Answer> {
    for (;;) {
      const answer = await one.get();
      if (answer.worker !== worker) return answer;
    }
  }

  /** The worker ends in the middle of a request. */
  async kill(worker: number): Promise<void> {
    let one = this.client();
    while ((await one.get()).worker !== worker) one = this.client();
    const ended = this.exit(worker);
    one.send(getOf('/exit'));
    await ended;
  }

  /** The worker leaves, and is gone. */
  async leave(worker: number): Promise<void> {
    const ended = this.exit(worker);
    this.server.retire(worker);
    expect(await ended).toMatchObject({ reason: 'left' });
  }

  /** Why the next connection closes. */
  async reason(): Promise<string> {
    return ((await event(this.server, 'connectionClosed')) as { reason: string }).reason;
  }
}
