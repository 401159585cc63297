// Plays the server's part of a program on one socket, whatever made it: `net`, `tls` or a worker of forkless. It notes
// what runs, in which order and in whose context. Nothing here knows on which side of the comparison it is.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { bytesOf, ownBytesOf } from './bytes.mjs';

/** The store of each connection is its own name. */
export const contexts = new AsyncLocalStorage();

export const codeOf = (error) =>
  error === undefined || error === null ? undefined : (error.code ?? error.name);

/** Whose store this code sees. */
export function contextFor(name) {
  const store = contexts.getStore();
  if (store === undefined) return 'none';
  return store === name ? 'own' : `foreign ${store}`;
}

export class Player {
  #socket;
  #name;
  #index;
  #handler;
  #tell;
  #events = [];
  #read = 0;
  #hash = createHash('sha1');
  #said = 0;
  #at = 0;
  #ended = false;
  /** It says nothing more; steps may follow that close it. */
  #silent = false;
  /** No step follows. */
  #done = false;
  #waits = false;
  #due = false;
  #untold = 0;
  #playing = false;

  /** `tell` is called once, some turns after the socket's 'close'. */
  constructor(socket, { name, index, handler, tell }) {
    this.#socket = socket;
    this.#name = name;
    this.#index = index;
    this.#handler = handler;
    this.#tell = tell;
  }

  get record() {
    const { bytesRead, bytesWritten } = this.#socket;
    return {
      events: this.#events,
      read: this.#read,
      hash: this.#hash.copy().digest('hex'),
      bytesRead,
      bytesWritten,
    };
  }

  start() {
    this.#note('start');
    const { context } = this.#handler;
    if (context === 'run') contexts.run(this.#name, () => this.#begin());
    else {
      if (context === 'enter') contexts.enterWith(this.#name);
      this.#begin();
    }
  }

  #note(event) {
    this.#events.push([event, contextFor(this.#name)]);
  }

  #begin() {
    const socket = this.#socket;
    socket.on('end', () => {
      this.#note('end');
      this.#ended = true;
      this.#go();
      // A server that may keep its side open has to end it some time.
      if (!this.#done && this.#handler.ends && !socket.writableEnded) socket.end();
    });
    socket.on('finish', () => this.#note('finish'));
    socket.on('error', (error) => this.#note(`error ${codeOf(error)}`));
    socket.on('close', (hadError) => {
      this.#note(`close ${hadError}`);
      this.#done = true;
      // What came after it would be a bug.
      setImmediate(() => setImmediate(() => setImmediate(() => this.#tell(this.record))));
    });
    if (this.#handler.encoding !== undefined) socket.setEncoding(this.#handler.encoding);
    if (this.#handler.peeks) this.#peek();
    else this.#take();
    this.#go();
  }

  // A look at what comes first, which is put back for whoever reads then.
  #peek() {
    const socket = this.#socket;
    socket.once('data', (chunk) => {
      this.#note('peek');
      socket.pause();
      socket.unshift(chunk, this.#handler.encoding);
      this.#take();
      if (this.#handler.input !== 'iterate' && this.#handler.input !== 'readable') socket.resume();
    });
  }

  #take() {
    const socket = this.#socket;
    const { input, size } = this.#handler;
    if (input === 'pipe') socket.pipe(socket);
    if (input === 'iterate') void this.#iterate();
    else if (input === 'readable')
      socket.on('readable', () => {
        this.#note('readable');
        for (let chunk; (chunk = socket.read(size)) !== null;) this.#feed(chunk);
      });
    else
      socket.on('data', (chunk) => {
        this.#note('data');
        this.#feed(chunk);
      });
  }

  async #iterate() {
    const socket = this.#socket;
    try {
      for await (const chunk of socket) {
        this.#note('data');
        if (!this.#feed(chunk) && this.#handler.echo === 'drain')
          await new Promise((resolve) => {
            socket.once('drain', resolve).once('close', resolve);
          });
      }
      this.#note('iterated');
    } catch (error) {
      this.#note(`iterating failed ${codeOf(error)}`);
    }
  }

  /** Echoes and plays byte by byte, however the input is cut. */
  #feed(given) {
    const chunk = typeof given === 'string' ? Buffer.from(given, this.#handler.encoding) : given;
    this.#hash.update(chunk);
    let ready = true;
    for (let at = 0; at < chunk.length;) {
      const until = this.#handler.steps[this.#at]?.when.bytes ?? Infinity;
      const size = until > this.#read ? Math.min(chunk.length - at, until - this.#read) : chunk.length - at;
      const piece = chunk.subarray(at, at + size);
      at += size;
      this.#read += size;
      if (!this.#echo(piece)) ready = false;
      this.#go();
    }
    return ready;
  }

  #echo(piece) {
    const { echo, input } = this.#handler;
    const socket = this.#socket;
    if (echo === 'no' || input === 'pipe' || this.#silent || this.#done || socket.destroyed) return true;
    const ready = socket.write(piece);
    if (!ready && echo === 'drain' && input === 'data') {
      socket.pause();
      socket.once('drain', () => socket.resume());
    }
    return ready;
  }

  /** Plays each step whose time has come. */
  #go() {
    if (this.#playing) return;
    this.#playing = true;
    while (!this.#done && this.#isDue()) {
      const { acts } = this.#handler.steps[this.#at];
      this.#at += 1;
      this.#due = false;
      const play = () => {
        for (const act of acts) this.#act(act);
      };
      if (this.#handler.context === 'acts') contexts.run(this.#name, play);
      else {
        if (this.#handler.context === 'enter-acts') contexts.enterWith(this.#name);
        play();
      }
    }
    this.#playing = false;
  }

  #isDue() {
    const step = this.#handler.steps[this.#at];
    if (step === undefined) return false;
    const { when } = step;
    if (when === 'start' || this.#due) return true;
    if (when === 'end') return this.#ended;
    if (when === 'told') return this.#untold === 0;
    if (when.bytes !== undefined) return this.#read >= when.bytes || this.#ended;
    this.#wait(when);
    return false;
  }

  #wait(when) {
    if (this.#waits) return;
    this.#waits = true;
    const come = (event) => {
      this.#note(event);
      this.#waits = false;
      this.#due = true;
      this.#go();
    };
    if (when === 'turn') setImmediate(come, 'turn');
    else
      this.#socket.setTimeout(when.idle, () => {
        this.#socket.setTimeout(0);
        come('timeout');
      });
  }

  #act({ act, size = 0, told, text }) {
    const socket = this.#socket;
    const content = () => {
      const bytes = ownBytesOf(this.#index, this.#said, size);
      this.#said += size;
      return text ? [bytes.toString('latin1'), 'latin1'] : [bytes];
    };
    const number = this.#said;
    const done = (error) => {
      this.#untold -= 1;
      this.#note(`told ${number} ${codeOf(error)}`);
      this.#go();
    };
    const by = told ? [done] : [];
    if (told) this.#untold += 1;
    if (act === 'write') socket.write(...content(), ...by);
    else if (act === 'end') socket.end(...(size > 0 ? content() : []), ...by);
    else if (act === 'rest') {
      socket.pause();
      setImmediate(() => setImmediate(() => socket.resume()));
    } else if (act === 'fail') socket.destroy(Object.assign(new Error('on purpose'), { code: 'E_ODD' }));
    else if (act === 'reset') socket.resetAndDestroy();
    else socket[act]();
    if (act === 'end') this.#silent = true;
    if (CLOSES.has(act)) this.#done = true;
  }
}

const CLOSES = new Set(['destroy', 'fail', 'reset', 'destroySoon']);

/** Keeps a worker busy: echoes, or says more than anybody takes. Its bytes are checked by its client. */
export function playNeighbour(socket, kind, name, tell) {
  const check = () => {
    if (!['none', 'own'].includes(contextFor(name))) tell(`${name} in a ${contextFor(name)} context`);
  };
  socket.on('error', () => undefined);
  contexts.run(name, () => {
    if (kind === 'echo') {
      socket.on('data', (chunk) => {
        check();
        const ready = contexts.run(name, () => socket.write(chunk));
        if (ready) return;
        socket.pause();
        socket.once('drain', () => socket.resume());
      });
      return;
    }
    let said = 0;
    const say = () => {
      check();
      while (!socket.destroyed) {
        const ready = socket.write(bytesOf(1, said, 16_384));
        said += 16_384;
        if (!ready) break;
      }
    };
    socket.on('drain', say);
    socket.once('data', say);
  });
}
