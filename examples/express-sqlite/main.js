// An Express app with an SQLite database: synchronous queries in one worker do not keep the others waiting.
// Try: curl -d text=hello localhost:8082/notes; curl localhost:8082/notes
import { createPrefork } from 'forkless';

const sqlite = process.getBuiltinModule('node:sqlite');
if (sqlite === undefined) {
  console.error(`This example uses node:sqlite, which Node has from 22.13 on; this is ${process.version}.`);
  process.exit(1);
}

// Once for all workers, before any of them starts. WAL: readers do not wait for a writer.
const database = new sqlite.DatabaseSync(process.env.DATABASE ?? 'notes.db');
database.exec('PRAGMA journal_mode = WAL');
database.exec('CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT');
database.close();

const server = createPrefork({
  worker: new URL('./worker.js', import.meta.url),
  port: process.env.PORT ?? 8082,
  workers: 4,
  signals: true,
});
await server.listen();
console.log(`http://localhost:${server.port}/notes`);
