// Calls that fail, uncaught, each on a line of its own that is marked by its name.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createPrefork, prefork } from 'forkless';
import { BlockFilter, LineFilter } from 'forkless/filters';
import { serveHttp } from 'forkless/http';
import { PreforkTCP } from 'forkless/poe';
import { testPrefork } from 'forkless/testing';
import { serve } from 'forkless/worker';

const worker = `data:text/javascript,import { serve } from 'forkless/worker'`;
const broken = 'data:text/javascript,throw new Error("broken")';
const clientInput = () => undefined;

const own = createServer().listen(0, '127.0.0.1');
await once(own, 'listening');
const taken = { port: own.address().port, host: '127.0.0.1' };

const calls = {
  option: () => createPrefork({ worker, prot: 1 }), // option
  handler: () => prefork(import.meta.url, { port: 0, clientInput, clientDisconected: clientInput }), // handler
  port: () => prefork(import.meta.url, { clientInput }), // port
  stray: () => createPrefork({ worker, clientInput }), // stray
  boot: () => createPrefork({ worker: broken, port: 0 }).listen(), // boot
  taken: () => createPrefork({ worker, ...taken }).listen(), // taken
  host: () => createPrefork({ worker, port: 0, host: 'no such host' }).listen(), // host
  state: () => createPrefork({ worker }).status(), // state
  later: () => setTimeout(() => createPrefork({ worker }).pause()), // later
  poe: () => PreforkTCP(import.meta.url, { ClientInput: clientInput, Port: -1 }), // poe
  serve: () => serve({ clientInput }), // serve
  http: () => serveHttp(5), // http
  testing: () => testPrefork({ worker, env: {} }), // testing
  line: () => new LineFilter({ maxLenght: 5 }), // line
  block: () => new BlockFilter({ blockSize: 0 }), // block
};

const call = calls[process.argv[2]];
await call();
