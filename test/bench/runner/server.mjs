import { Child } from './child.mjs';

const START_WITHIN = 20_000;
const ANSWER_WITHIN = 20_000;

/** The peer cannot run here: its transport was refused. */
export class Unsupported extends Error {}

/** A running peer. */
export class Server {
  #commands = 0;

  /**
   * @param {import('../peers/index.mjs').Peer} peer
   * @param {Child} child
   */
  constructor(peer, child) {
    this.peer = peer;
    this.child = child;
    this.port = 0;
  }

  /**
   * Starts a peer; resolves when it can serve. Wait for `ready` if all workers are to be there.
   * @param {import('../peers/index.mjs').Peer} peer
   * @param {import('../peers/control.mjs').Settings} settings
   * @param {number} rounds of work that take half a millisecond
   */
  static async start(peer, settings, rounds) {
    const program = new URL(`../peers/${peer.program}`, import.meta.url);
    const args = [JSON.stringify({ ...settings, transport: peer.transport })];
    const server = new Server(peer, new Child(program, { args, env: { BENCH_WORK: String(rounds) } }));
    server.ready = server.child.expect(({ ready }) => ready, START_WITHIN);
    // Awaited only by some; its rejection comes with that of the other in any case.
    server.ready.catch(() => undefined);
    const { port, unsupported } = await server.child.expect(
      (told) => told.port || told.unsupported,
      START_WITHIN,
    );
    if (unsupported) {
      await server.stop();
      throw new Unsupported(unsupported);
    }
    server.port = port;
    return server;
  }

  /** @type {Promise<unknown> | undefined} */
  ready;

  get pid() {
    return this.child.pid;
  }

  /**
   * @param {'watch' | 'delay' | 'collect' | 'birth' | 'held'} command
   * @returns {Promise<any>}
   */
  async ask(command) {
    const id = (this.#commands += 1);
    const answer = this.child.expect((message) => message.id === id, ANSWER_WITHIN);
    this.child.send({ id, command });
    const { value, error } = await answer;
    if (error) throw new Error(`${this.peer.name}: ${error}`);
    return value;
  }

  stop() {
    return this.child.stop();
  }
}
