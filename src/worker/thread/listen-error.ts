/** Explains why a server that a worker module lets listen by itself finds its port in use. */
import { fileURLToPath } from 'node:url';
import { FRAME } from '../../common/core/frame.ts';
import { fieldOf, isError, textOf } from '../../common/core/thrown.ts';

const HINT = 'a worker module does not listen: the prefork does, and gives its workers the connections';

/**
 * Every worker runs its module, so at least one of them finds the port in use: by the prefork, or by another worker. Node's
 * error says so without the line that has called `listen()` wherever a name or an address is looked up before. From now on
 * the error names that line, and what to do.
 */
export function explainListenErrors(): void {
  // Asked of the process, where an import would be one more module for each birth.
  const { subscribe } = process.getBuiltinModule('node:diagnostics_channel');
  const calls = new WeakMap<object, readonly string[]>();
  subscribe('tracing:net.server.listen:asyncStart', (message) => {
    const server = fieldOf(message, 'server');
    if (typeof server === 'object' && server !== null) calls.set(server, framesOfCall());
  });
  subscribe('tracing:net.server.listen:error', (message) => {
    const [server, error] = [fieldOf(message, 'server'), fieldOf(message, 'error')];
    explain(error, typeof server === 'object' && server !== null ? calls.get(server) : undefined);
  });
  // One that began to listen before this package was loaded.
  process.on('uncaughtExceptionMonitor', (error) => {
    explain(error);
  });
}

function explain(error: unknown, ofCall: readonly string[] | undefined = []): void {
  if (!isError(error) || textOf(error, 'code') !== 'EADDRINUSE' || textOf(error, 'syscall') !== 'listen')
    return;
  const message = textOf(error, 'message') ?? '';
  // Both the entry of a pool and the user's copy of this package listen.
  if (message.includes(HINT)) return;
  const frames = ofCall.length > 0 ? ofCall : framesIn(textOf(error, 'stack') ?? '');
  const place = placeOf(frames);
  const call = place === undefined ? 'the call of listen()' : `the call of listen() at ${place}`;
  error.message = `${message} (${HINT}. Take out ${call})`;
  error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n');
}

const framesIn = (stack: string): readonly string[] =>
  stack.split('\n').filter((line) => /^\s+at /.test(line));

function framesOfCall(): readonly string[] {
  const lines = framesIn(new Error('listen').stack ?? '');
  const at = lines.findIndex((line) => /\bServer\.listen \(node:/.test(line));
  return at < 0 ? [] : lines.slice(at + 1);
}

/** The user's line; one of a package only where there is no other. */
function placeOf(frames: readonly string[]): string | undefined {
  const places = frames.flatMap((frame) => {
    const [, file, position] = FRAME.exec(frame) ?? [];
    return file === undefined || position === undefined ? [] : `${shown(file)}${position}`;
  });
  return places.find((place) => !/[\\/]node_modules[\\/]/.test(place)) ?? places[0];
}

function shown(file: string): string {
  try {
    return file.startsWith('file:') ? fileURLToPath(file) : file.slice(0, LONGEST_NAME);
  } catch {
    return file.slice(0, LONGEST_NAME);
  }
}

// A `data:` URL holds the whole module.
const LONGEST_NAME = 200;
