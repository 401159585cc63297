import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPrefork } from 'forkless';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// Not kept as files, which no tool could read.
const MODULES = {
  'syntax-error.mjs': '// It ends in the midst of a line.\nconst text = ;\n',
  'syntax-error.cjs': '// It ends in the midst of a line.\nconst text = ;\n',
  'loads-syntax-error.mjs': "import './syntax-error.mjs';\n",
  'imports-nothing.mjs': "import { nothing } from 'node:fs';\n\nnothing();\n",
  'bad-json.mjs': "JSON.parse('{');\n",
};

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'forkless-broken-'));
  for (const [name, text] of Object.entries(MODULES)) await writeFile(join(folder, name), text);
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

const UNKNOWN = '(`node --check` on the file says where)';

describe.each(['piscina', 'tinypool', 'worker'] as const)('on %s', (threadHost) => {
  const isNative = threadHost === 'worker';

  it.each([
    ['syntax-error.mjs', isNative ? UNKNOWN : /\(at file:.*\/syntax-error\.mjs:2:14\)$/],
    ['syntax-error.cjs', /\(at .*syntax-error\.cjs:2\)$/],
    ['loads-syntax-error.mjs', isNative ? UNKNOWN : /\(at a module that it loads:2:14\)$/],
    ['imports-nothing.mjs', /\(at file:.*\/imports-nothing\.mjs:1\)$/],
    ['bad-json.mjs', /JSON[^`]*$/],
  ])('the failed boot of %s says where', async (name, place) => {
    const worker = join(folder, name);
    const server = createPrefork({ worker, port: 0, host: '127.0.0.1', workers: 1, threadHost });
    const error: unknown = await server.listen().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'FORKLESS_BOOT_FAILED', cause: { name: 'SyntaxError' } });
    expect((error as Error).message).toMatch(place);
  });
});
