import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { LISTEN_OPTIONS, PREFORK_OPTIONS, RUNNING_OPTIONS } from '../../../src/main/prefork/option-table.ts';
import { reconfigure, resolveOptions } from '../../../src/main/prefork/resolve-options.ts';

const ROOT = new URL('../../../', import.meta.url);
const WORKER = 'file:///srv/worker.js';

interface Field {
  readonly name: string;
  readonly docs: string;
  /** Whether it is Node's, as `host`, and has its docs there. */
  readonly isForeign: boolean;
}

/** The fields of the public types of options, as the compiler sees them. */
function fieldsOf(...types: readonly string[]): ReadonlyMap<string, readonly Field[]> {
  const file = fileURLToPath(new URL('src/main/prefork/option-types.ts', ROOT));
  const { config } = ts.readConfigFile(fileURLToPath(new URL('tsconfig.json', ROOT)), (path) =>
    readFileSync(path, 'utf8'),
  ) as { readonly config: { readonly compilerOptions: object } };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, fileURLToPath(ROOT));
  const program = ts.createProgram([file], options);
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
  const exported = checker.getExportsOfModule(module);
  const read = (type: string): readonly Field[] => {
    const symbol = exported.find(({ name }) => name === type)!;
    return checker.getDeclaredTypeOfSymbol(symbol).getProperties().map(fieldOf);
  };
  const fieldOf = (field: ts.Symbol): Field => ({
    name: field.name,
    docs: ts.displayPartsToString(field.getDocumentationComment(checker)),
    isForeign: field.declarations?.every((each) => each.getSourceFile().isDeclarationFile) ?? false,
  });
  return new Map(types.map((type) => [type, read(type)]));
}

const fields = fieldsOf('PreforkOptions', 'RunningOptions', 'ListenTarget');
const namesOf = (type: string): readonly string[] => fields.get(type)!.map(({ name }) => name);

describe('the table of options', () => {
  it.each([
    ['PreforkOptions', PREFORK_OPTIONS],
    ['RunningOptions', RUNNING_OPTIONS],
    ['ListenTarget', LISTEN_OPTIONS],
  ])('has a row for each field of %s, and no other', (type, rows) => {
    expect([...rows].sort()).toEqual([...namesOf(type)].sort());
    expect(new Set(rows).size).toBe(rows.length);
  });

  it('is of options that have a docstring each', () => {
    const ours = fields.get('PreforkOptions')!.filter(({ isForeign }) => !isForeign);
    expect(ours.length).toBeGreaterThan(50);
    expect(ours.filter(({ docs }) => docs === '').map(({ name }) => name)).toEqual([]);
  });

  it.each(PREFORK_OPTIONS)('checks %s: a null is never its default', (name) => {
    expect(() => resolveOptions(WORKER, { [name]: null })).toThrow(`Expected \`${name}\` to be `);
  });

  it.each(RUNNING_OPTIONS)('checks %s as well when it changes', (name) => {
    const settings = resolveOptions(WORKER, {});
    expect(() => reconfigure(settings, { [name]: null })).toThrow(`Expected \`${name}\` to be `);
  });
});

describe('README.md', () => {
  const readme = readFileSync(new URL('README.md', ROOT), 'utf8');
  const section = (from: string, to: string): readonly string[] =>
    readme
      .slice(readme.indexOf(`\n${from}\n`), readme.indexOf(`\n${to}\n`))
      .split('\n')
      .filter((line) => line.startsWith('| `'));
  const pool = section('### The pool', '### Connections');
  const connections = section('### Connections', '### Threads');
  const threads = section('### Threads', '### Relay or transfer');
  const firstOf = (row: string): string => /`(\w+)`/.exec(row)?.[1] ?? '';
  const isNamed = (rows: readonly string[], name: string): boolean =>
    rows.some((row) => row.includes(`\`${name}\``));

  it('names each option in its tables, and begins no row with another', () => {
    const rows = [...pool, ...connections, ...threads];
    expect(PREFORK_OPTIONS.filter((name) => !isNamed(rows, name))).toEqual([]);
    expect(rows.map(firstOf).filter((name) => !PREFORK_OPTIONS.includes(name))).toEqual([]);
  });

  it('says right which of them can be changed', () => {
    expect(readme.replace(/\s+/g, ' ')).toContain(
      'The options of the pool, except `shutdownWorkers` and `onStuck`, and those of connections from `dispatch` to `tls` can be changed at run time',
    );
    const ofPool = pool.map(firstOf).filter((name) => name !== 'shutdownWorkers' && name !== 'onStuck');
    const upToTls = connections.slice(0, connections.findIndex((row) => firstOf(row) === 'tls') + 1);
    expect([...RUNNING_OPTIONS].sort()).toEqual([...ofPool, ...upToTls.map(firstOf)].sort());
  });
});
