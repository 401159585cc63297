/** The HTTP/1 connections of one worker, and how they end when it is to leave. Runs in a worker. */
import { AsyncResource } from 'node:async_hooks';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type Server } from 'node:net';
import { type ConnectionId, type Millis } from '../common/core/types.ts';
import { atDestroy } from '../worker/session/at-destroy.ts';
import { type ServedSocket } from '../worker/session/served-socket.ts';
import { countRequests, hasBegun } from './boundary.ts';
import { HeldOutput } from './held-output.ts';
import { endEndless, isEndless, refuseUpgrades, tellLeaving } from './leaving.ts';

interface Held {
  /** Responses that are not over; more than one only when the client pipelines. */
  readonly responses: Set<ServerResponse>;
  /** It has had a response, and waits for its next request. */
  rests: boolean;
  /** Requests that were given to the app. */
  requests: number;
  /** Whether the first bytes of its requests are counted: then it can be seen to be between two of them. */
  counted: boolean;
  /** `bytesRead` when the last response was over: more since then is a request on its way. */
  seen: number;
  timer: NodeJS.Timeout | undefined;
  /** Output of responses that wait for their turn; only where the client pipelines. */
  waiting: HeldOutput | undefined;
}

/** What is told of the connections of one worker. */
export interface DrainWatch {
  /** How many connections rest between two requests. */
  rest(count: number): void;
  /** A listener for `'leaving'` has thrown or rejected; the connection is `undefined` with HTTP/2. */
  failed(error: unknown, connection: ConnectionId | undefined): void;
}

/**
 * The HTTP/1 connections of one worker. When the worker is to leave, each gets to finish its request and is told
 * `Connection: close`; one that is idle is closed after `idleGrace`, unless it brings a request before.
 */
export class Http1Drain {
  readonly #idleGrace: Millis;
  readonly #servers: readonly Server[];
  readonly #held = new Map<ServedSocket, Held>();
  readonly #watch: DrainWatch;
  readonly #mayRest: boolean;
  readonly #known = new WeakSet<ServerResponse>();
  /** Responses on connections that end in their own way, those of HTTP/2, each with its async context. */
  readonly #others = new Map<ServerResponse, AsyncResource>();
  #resting = 0;
  #draining = false;

  /** With `mayRest`, a connection between two requests may go to another worker. */
  constructor(servers: readonly Server[], idleGrace: Millis, watch: DrainWatch, mayRest: boolean) {
    this.#idleGrace = idleGrace;
    this.#watch = watch;
    this.#mayRest = mayRest;
    this.#servers = servers;
    for (const server of servers) this.#follow(server);
  }

  #follow(server: Server): void {
    for (const event of ['request', 'checkContinue', 'checkExpectation']) {
      // For the two latter a listener changes what Node does: only where the user has one already.
      if (event !== 'request' && server.listenerCount(event) === 0) continue;
      server.prependListener(event, (request: IncomingMessage, response: ServerResponse) => {
        this.#begun(request, response);
      });
    }
    for (const event of ['upgrade', 'connect'])
      if (server.listenerCount(event) > 0) server.prependListener(event, this.#leftHttp);
  }

  get open(): number {
    return this.#held.size;
  }

  add(socket: ServedSocket): void {
    const held: Held = {
      responses: new Set(),
      rests: false,
      requests: 0,
      counted: false,
      seen: 0,
      timer: undefined,
      waiting: undefined,
    };
    if (socket.destroyed) return;
    this.#held.set(socket, held);
    atDestroy(socket, () => {
      this.forget(socket);
    });
    if (this.#draining) this.#closeLater(socket, held);
  }

  /** Node's HTTP/1 has the connection now. */
  given(socket: ServedSocket): void {
    const held = this.#held.get(socket);
    if (held && this.#mayRest && socket.settle) held.counted = countRequests(socket);
  }

  /** The worker is to leave. */
  begin(): void {
    this.#draining = true;
    for (const server of this.#servers) refuseUpgrades(server, this.#pendingBefore);
    for (const [socket, held] of this.#held) {
      const last = [...held.responses].at(-1);
      if (last && !goesOn(socket, held)) closeAfter(last);
      this.#closeLater(socket, held);
      for (const response of held.responses) this.#tell(response, socket);
    }
    for (const [response, scope] of this.#others) this.#endElsewhere(response, scope);
  }

  readonly #pendingBefore = ({ socket }: IncomingMessage): ReadonlySet<ServerResponse> | undefined =>
    this.#held.get(socket as unknown as ServedSocket)?.responses;

  readonly #leftHttp = ({ socket }: IncomingMessage): void => {
    const held = this.#held.get(socket as unknown as ServedSocket);
    if (held) this.#setResting(held, false);
  };

  #begun(request: IncomingMessage, response: ServerResponse): void {
    // Requests of HTTP/2 come here too, and sockets that the user has given to the server.
    const socket = request.socket as unknown as ServedSocket;
    const held = this.#held.get(socket);
    if (!held) {
      this.#begunElsewhere(response);
      return;
    }
    // An app may tell its server of one request again, as is usual after 'checkContinue'.
    if (this.#known.has(response)) return;
    this.#known.add(response);
    clearTimeout(held.timer);
    held.responses.add(response);
    held.requests += 1;
    this.#setResting(held, false);
    // Before its turn a response has no socket, and what is written to it waits above the one that bounds it.
    if (response.socket === null) {
      held.waiting ??= new HeldOutput(socket.maxOutput, (error) => socket.destroy(error));
      held.waiting.add(response);
    }
    if (this.#draining) {
      if (!goesOn(socket, held)) closeAfter(response);
      this.#tell(response, socket);
      this.#closeLater(socket, held);
    }
    response.once('close', () => {
      held.responses.delete(response);
      held.seen = socket.bytesRead;
      const over = held.responses.size === 0 && this.#held.has(socket);
      this.#setResting(held, over);
      if (over) this.#settleBehind(request, socket, held);
      if (this.#draining && held.responses.size === 0) this.#closeLater(socket, held);
    });
  }

  // An app may answer before the body has come. Node reads the rest of it then, and nothing else tells of its end.
  #settleBehind(request: IncomingMessage, socket: ServedSocket, held: Held): void {
    if (request.complete) this.#settle(socket, held);
    else
      request.once('end', () => {
        if (held.responses.size === 0) this.#settle(socket, held);
      });
  }

  // The connection is between two requests where all that have begun are over. One that is to end by itself does so.
  #settle(socket: ServedSocket, held: Held): void {
    if (held.counted && hasBegun(socket, held.requests)) socket.settle?.();
  }

  #tell(response: ServerResponse, socket: ServedSocket): void {
    const { scope, connectionId } = fieldsOf(socket);
    tellLeaving(response, this.#failed(connectionId), scope);
  }

  readonly #failed =
    (connection: ConnectionId | undefined) =>
    (error: unknown): void => {
      this.#watch.failed(error, connection);
    };

  #begunElsewhere(response: ServerResponse): void {
    const scope = new AsyncResource('FORKLESSRESPONSE', { requireManualDestroy: true });
    this.#others.set(response, scope);
    response.once('close', () => {
      this.#others.delete(response);
      scope.emitDestroy();
    });
    if (this.#draining) this.#endElsewhere(response, scope);
  }

  #endElsewhere(response: ServerResponse, scope: AsyncResource): void {
    tellLeaving(response, this.#failed(undefined), scope);
    endEndless(response, this.#idleGrace);
  }

  // A protocol that a connection was upgraded to ends it in its own way.
  #closeLater(socket: ServedSocket, held: Held): void {
    if (socket.destroyed) return;
    clearTimeout(held.timer);
    held.timer = setTimeout(() => {
      if (!isHttp(socket)) this.forget(socket);
      else if (socket.settled === true && goesOn(socket, held)) return;
      else if (mayEnd(socket, held)) socket.destroySoon?.();
      else this.#closeLater(socket, Object.assign(held, { seen: socket.bytesRead }));
    }, this.#idleGrace);
  }

  /** Another protocol's connection: it ends in that one's way. */
  forget(socket: ServedSocket): void {
    const held = this.#held.get(socket);
    if (!held) return;
    clearTimeout(held.timer);
    this.#held.delete(socket);
    this.#setResting(held, false);
  }

  #setResting(held: Held, rests: boolean): void {
    if (held.rests === rests) return;
    held.rests = rests;
    this.#resting += rests ? 1 : -1;
    this.#watch.rest(this.#resting);
  }
}

// Node takes its parser off a socket that was upgraded, and leaves no other sign of it.
const isHttp = (socket: object): boolean => !('parser' in socket) || socket.parser !== null;

/** Its worker leaves, and it goes on at another one once it is between two requests. */
const goesOn = (socket: ServedSocket, { counted }: Held): boolean => counted && socket.moves === true;

/** It is idle and brings no request, or its answer is one that only the connection ends. */
function mayEnd(socket: ServedSocket, { responses, seen }: Held): boolean {
  return responses.size === 0 ? socket.bytesRead === seen : [...responses].some(isEndless);
}

// A server that ends TLS itself has made its socket, which has neither.
const fieldsOf = (socket: Partial<Pick<ServedSocket, 'scope' | 'connectionId'>>): typeof socket => socket;

function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.shouldKeepAlive = false;
}
