// One app in each of the forms that serveHttp() takes; `argv` names the form.
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { threadId } from 'node:worker_threads';
import { serveHttp } from 'forkless/http';

const body = async (stream) => {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return `${bytes} bytes`;
};

// Whether anybody takes it or not.
const writeForEver = (response) => {
  if (response.destroyed || response.closed) return;
  for (let at = 0; at < 10; at += 1) response.write(Buffer.alloc(16_384));
  setImmediate(writeForEver, response);
};

const listener = (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const answer = (text) => response.writeHead(200, { 'x-worker': String(threadId) }).end(text);
  if (pathname === '/post') void body(request).then(answer);
  else if (pathname === '/slow') setTimeout(answer, Number(searchParams.get('ms')), 'slow');
  else if (pathname === '/for-ever') writeForEver(response);
  else if (pathname === '/never') return;
  else if (pathname === '/block') {
    const until = performance.now() + Number(searchParams.get('ms'));
    while (performance.now() < until);
    answer('blocked');
  } else if (pathname === '/stream') {
    response.write('first ');
    setTimeout(() => response.end('last'), 50);
  } else if (pathname === '/peer')
    answer(`${request.socket.remoteAddress} ${Boolean(request.socket.encrypted)} ${request.httpVersion}`);
  else if (pathname === '/throw') response.destroy();
  else answer('hello');
};

const fetch = async (request) => {
  const url = new URL(request.url);
  if (url.pathname === '/post') return new Response(await body(request.body));
  if (url.pathname === '/throw') throw new Error('on purpose');
  if (url.pathname === '/cookies') {
    const headers = new Headers([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]);
    return new Response(null, { status: 204, headers });
  }
  if (url.pathname.endsWith('/peer'))
    return new Response(`${url.protocol}//${url.host} ${request.headers.get('x-one')}`);
  return new Response('hello');
};

const forms = {
  listener: () => listener,
  server: () => createServer(listener),
  http2: () => createHttp2Server(listener),
  fetch: () => ({ fetch }),
  express: async () => {
    const { default: express } = await import('express');
    const app = express();
    app.get('/', (request, response) => response.send('hello'));
    app.post('/post', async (request, response) => response.send(await body(request)));
    app.get('/peer', (request, response) => response.send(`${request.ip} ${request.protocol}`));
    return app;
  },
  koa: async () => {
    const { default: Koa } = await import('koa');
    const app = new Koa();
    app.use(async (context) => {
      if (context.path === '/post') context.body = await body(context.req);
      else if (context.path === '/peer') context.body = `${context.ip} ${context.protocol}`;
      else context.body = 'hello';
    });
    return app;
  },
  hono: async () => {
    const { Hono } = await import('hono');
    const app = new Hono();
    app.get('/', (context) => context.text('hello'));
    app.post('/post', async (context) => context.text(await body(context.req.raw.body)));
    return app;
  },
  fastify: async () => {
    const { default: fastify } = await import('fastify');
    const app = fastify();
    app.addContentTypeParser('*', (request, payload, done) => done(null));
    app.get('/', async () => 'hello');
    app.post('/post', async (request) => body(request.raw));
    app.get('/peer', async (request) => `${request.ip} ${request.protocol}`);
    return app;
  },
};

const [form, options = '{}'] = process.argv.slice(2);
export default serveHttp(await forms[form](), JSON.parse(options));
