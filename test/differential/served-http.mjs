import { serveHttp } from 'forkless/http';
import { hearOf, listener, options, upgrade } from './http-part.mjs';

hearOf(process.argv[2]);
// Longer than a program takes, also where a client has not spoken yet when its worker is to leave.
serveHttp(listener, { ...options, idleGrace: 10_000 }).on('upgrade', upgrade);
