import { made } from '../hostile.mjs';

const [when, given] = process.argv.slice(2);

if (when === 'top') throw made(JSON.parse(given));
setImmediate(() => {
  throw made(JSON.parse(given));
});
