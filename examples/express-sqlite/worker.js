import express from 'express';
import { serveHttp } from 'forkless/http';
import { DatabaseSync } from 'node:sqlite';
import { threadId } from 'node:worker_threads';

// A connection for each worker: threads cannot share one.
const database = new DatabaseSync(process.env.DATABASE ?? 'notes.db');
// SQLite has one writer at a time; another one waits for it, instead of failing with SQLITE_BUSY.
database.exec('PRAGMA busy_timeout = 5000');
const insert = database.prepare('INSERT INTO notes (text) VALUES (?)');
const select = database.prepare('SELECT id, text FROM notes ORDER BY id DESC LIMIT 100');
const count = database.prepare(`
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) AS found FROM n`);

const app = express();
app.use(express.urlencoded({ extended: false }));
app.get('/notes', (request, response) => {
  response.json(select.all());
});
app.post('/notes', (request, response) => {
  const { text } = request.body ?? {};
  if (typeof text !== 'string') {
    response.status(400).json({ error: 'a note has a text' });
    return;
  }
  const { lastInsertRowid } = insert.run(text);
  response.status(201).json({ id: Number(lastInsertRowid), text, thread: threadId });
});
// Blocks its thread for a second or so.
app.get('/slow', (request, response) => {
  response.json({ ...count.get(10_000_000), thread: threadId });
});

export default serveHttp(app, { workerStopping: () => database.close() });
