// Imports each front of the package as npm packs it: `.ci/run` copies this into a folder in which it is installed.
const expected = {
  forkless: ['prefork', 'createPrefork'],
  'forkless/worker': ['serve'],
  'forkless/filters': ['LineFilter'],
  'forkless/poe': ['PreforkTCP'],
  'forkless/http': ['serveHttp'],
  'forkless/testing': ['testPrefork'],
};

for (const [front, names] of Object.entries(expected)) {
  const found = await import(front);
  for (const name of names)
    if (typeof found[name] !== 'function') throw new TypeError(`${name} of ${front} is not a function`);
}
