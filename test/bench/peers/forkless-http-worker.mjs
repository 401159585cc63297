import { serveHttp } from 'forkless/http';
import { httpServer } from './http-app.mjs';

serveHttp(httpServer());
