// The listener of both sides: the path of a request says how it is answered.
import { parentPort } from 'node:worker_threads';

/** Options of `http.createServer()`. */
export const options = { maxHeaderSize: 2_048, keepAliveTimeout: 60_000 };

const events = new Map();
const note = (from, event) => {
  if (!events.has(from)) events.set(from, []);
  events.get(from).push(event);
};

const about = ({ url }) => {
  try {
    return JSON.parse(Buffer.from(url.slice(1), 'base64url').toString());
  } catch {
    return {};
  }
};

async function bodyOf(request, reads) {
  if (reads === 'no') return 'unread';
  let bytes = 0;
  if (reads === 'iterate') for await (const chunk of request) bytes += chunk.length;
  else
    await new Promise((resolve) => {
      request
        .on('data', (chunk) => (bytes += chunk.length))
        .on('end', resolve)
        .on('close', resolve);
    });
  return String(bytes);
}

export async function listener(request, response) {
  const { last, from, number, reads, late, size = 0, way } = about(request);
  note(from, `${request.method} ${number ?? last}`);
  response.on('finish', () => note(from, `finish ${number ?? last}`));
  if (last === 'destroyed') {
    response.writeHead(200, { 'content-length': 500 });
    response.write('half of it');
    setImmediate(() => response.destroy());
    return;
  }
  // Answered by Node, as soon as it has read on.
  if (last === 'chunk-extension') return;
  if (last !== undefined) {
    response.end(`last ${last}`);
    return;
  }
  const body = await bodyOf(request, reads);
  if (late) await new Promise(setImmediate);
  const text = `${body}${'a'.repeat(size)}#${number}#`;
  response.setHeader('x-number', `#${number}#`);
  if (way === 'length') response.setHeader('content-length', text.length);
  if (way === 'end') response.end(text);
  else {
    for (let at = 0; at < text.length; at += 20_000) response.write(text.slice(at, at + 20_000));
    response.end();
  }
}

/** Says so, and echoes what comes. */
export function upgrade(request, socket, head) {
  note(about(request).from, 'upgrade');
  socket.on('error', () => undefined);
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  if (head.length > 0) socket.unshift(head);
  socket.pipe(socket);
}

/** Answers what the test asks on the channel of this side. */
export function hearOf(name) {
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data: { number, of } }) => {
    parentPort.postMessage({ heard: number, events: of.map((from) => events.get(from) ?? []) });
    for (const from of of) events.delete(from);
  };
  channel.unref?.();
}
