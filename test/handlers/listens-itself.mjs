// As somebody writes it who leaves `listen()` in and takes that for serving.
import { createServer } from 'node:http';

createServer().listen(0);
