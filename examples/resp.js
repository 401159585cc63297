// A key-value server that speaks RESP, the protocol of Redis. Try: redis-cli -p 6400 set name value
// Each worker has keys of its own: a shared store would be another program, or shared memory.
import { prefork } from 'forkless';

const store = new Map();

const bulk = (text) => (text === undefined ? '$-1\r\n' : `$${Buffer.byteLength(text)}\r\n${text}\r\n`);

const commands = {
  PING: ([text]) => (text === undefined ? '+PONG\r\n' : bulk(text)),
  ECHO: ([text]) => bulk(text),
  SET: ([key, value]) => {
    store.set(key, value);
    return '+OK\r\n';
  },
  GET: ([key]) => bulk(store.get(key)),
  DEL: (keys) => `:${keys.filter((key) => store.delete(key)).length}\r\n`,
  COMMAND: () => '*0\r\n',
};

const MAX_REQUEST = 1024 * 1024;

/** The first whole command of `text` and where it ends; `undefined` while some of it is missing. */
function parse(text) {
  // Words on a line, as typed by hand.
  if (text !== '' && !text.startsWith('*')) {
    const end = text.indexOf('\n') + 1;
    return end === 0 ? undefined : { words: text.slice(0, end).trim().split(/\s+/), end };
  }
  const head = /^\*(\d{1,4})\r\n/.exec(text);
  if (!head) {
    if (/^(?:\*\d{0,4}\r?)?$/.test(text)) return undefined;
    throw new Error('Protocol error');
  }
  let at = head[0].length;
  const words = [];
  for (let left = Number(head[1]); left > 0; left -= 1) {
    const start = text.slice(at, at + 12);
    const length = /^\$(\d{1,7})\r\n/.exec(start);
    if (!length) {
      if (/^(?:\$\d{0,7}\r?)?$/.test(start)) return undefined;
      throw new Error('Protocol error');
    }
    const from = at + length[0].length;
    at = from + Number(length[1]) + 2;
    if (text.length < at) return undefined;
    words.push(Buffer.from(text.slice(from, at - 2), 'latin1').toString());
  }
  return { words, end: at };
}

function answer([name = '', ...words]) {
  const command = commands[name.toUpperCase()];
  return command ? command(words) : `-ERR unknown command '${name}'\r\n`;
}

function connection(socket) {
  let waiting = '';
  // Bytes as they are: lengths in RESP count bytes, not characters.
  socket.setEncoding('latin1');
  socket.on('data', (text) => {
    waiting += text;
    try {
      for (let found; (found = parse(waiting)); waiting = waiting.slice(found.end))
        socket.write(answer(found.words));
      if (waiting.length > MAX_REQUEST) throw new Error('Protocol error: too long');
    } catch (error) {
      // Not `end()`: nobody wants what such a peer goes on to send.
      socket.pause();
      socket.write(`-ERR ${error.message}\r\n`);
      socket.destroySoon();
    }
  });
}

const server = await prefork(import.meta.url, {
  port: Number(process.env.PORT ?? 6400),
  host: '127.0.0.1',
  workers: 'cores',
  signals: true,
  connection,
});
console.log(`RESP on port ${server.address().port}`);
