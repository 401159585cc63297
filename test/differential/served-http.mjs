import { serveHttp } from 'forkless/http';
import { hearOf, listener, options, upgrade } from './http-part.mjs';

hearOf(process.argv[2]);
serveHttp(listener, options).on('upgrade', upgrade);
