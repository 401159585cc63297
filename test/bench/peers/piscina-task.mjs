import { handle } from './app.mjs';

/** @param {string} line */
export default function task(line) {
  handle(line[0]);
  return line;
}
