import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/events-and-status.md'), 'utf8');

let checker: ts.TypeChecker;
let exported: Map<string, ts.Type>;

// Types as users see them, whatever they are made of.
beforeAll(() => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile.bind(ts.sys)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram([join(root, 'src/index.ts')], { ...options, noEmit: true });
  checker = program.getTypeChecker();
  const index = checker.getSymbolAtLocation(program.getSourceFile(join(root, 'src/index.ts'))!)!;
  exported = new Map(
    checker.getExportsOfModule(index).map((symbol) => [symbol.name, checker.getDeclaredTypeOfSymbol(symbol)]),
  );
}, 60_000);

/** The fields of a type; of a union, those of all its members. */
const fieldsOf = (type: ts.Type): string[] => [
  ...new Set(
    (type.isUnion() ? type.types : [type]).flatMap((each) =>
      checker.getPropertiesOfType(each).map(({ name }) => name),
    ),
  ),
];

const fieldOf = (type: ts.Type, name: string): ts.Type =>
  checker.getTypeOfSymbol(checker.getPropertyOfType(type, name)!);

const valuesOf = (type: ts.Type): string[] =>
  type.isUnion() ? type.types.map((each) => (each as ts.StringLiteralType).value) : [];

/** The rows of the table below a heading, by what their first column names in code. */
function rowsOf(heading: string): Map<string, string> {
  const [, rest = ''] = page.split(`${heading}\n`);
  const [section = ''] = rest.split(/^#/m);
  return new Map(
    [...section.matchAll(/^\| `(\w+)` *\|(.*)\|$/gm)].map(([, name = '', text = '']) => [name, text]),
  );
}

const sorted = (names: Iterable<string>): string[] => [...names].sort();

describe('docs/events-and-status.md', () => {
  it('has every event, and no other', () => {
    expect(sorted(rowsOf('## Events').keys())).toEqual(sorted(fieldsOf(exported.get('PreforkEvents')!)));
  });

  it('has every field of each event', () => {
    const events = exported.get('PreforkEvents')!;
    const evidence = fieldsOf(exported.get('Evidence')!);
    const missing = [...rowsOf('## Events')].flatMap(([name, text]) => {
      const [argument] = checker.getTypeArguments(fieldOf(events, name) as ts.TypeReference);
      if (argument === undefined) return [];
      return fieldsOf(argument)
        .filter((field) => !text.includes(`\`${field}\``) && !text.includes(`\`${field}: `))
        .filter((field) => !(text.includes('[evidence]') && evidence.includes(field)))
        .map((field) => `${name}.${field}`);
    });
    expect(missing).toEqual([]);
  });

  it.each([
    ['### Evidence', 'Evidence'],
    ['## status()', 'PreforkStatus'],
    ['### A worker in the status', 'WorkerStatus'],
  ])('%s has every field, and no other', (heading, type) => {
    expect(sorted(rowsOf(heading).keys())).toEqual(sorted(fieldsOf(exported.get(type)!)));
  });

  it('has every field of the connections and of the counts in the status', () => {
    const status = exported.get('PreforkStatus')!;
    const connections = fieldsOf(fieldOf(status, 'connections'));
    expect(sorted(rowsOf('### Connections in the status').keys())).toEqual(sorted(connections));
    const counts = rowsOf('## status()').get('counts');
    for (const field of fieldsOf(fieldOf(status, 'counts'))) expect(counts).toContain(`\`${field}\``);
  });

  it('has every field of a connection', () => {
    const [, text = ''] = page.split('### A connection\n');
    for (const field of fieldsOf(exported.get('ConnectionInfo')!)) expect(text).toContain(`\`${field}\``);
  });

  it.each(['LeaveReason', 'ExitReason', 'DropReason', 'CloseReason', 'MoveReason'])(
    'has every %s, and no other',
    (type) => {
      const [, values = ''] = rowsOf('### Reasons').get(type)!.split('|');
      const named = [...values.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name);
      expect(sorted(named)).toEqual(sorted(valuesOf(exported.get(type)!)));
    },
  );
});
