import { describe, expect, it } from 'vitest';
import {
  BlockFilter,
  GrepFilter,
  LineFilter,
  MapFilter,
  RecordBlockFilter,
  StackableFilter,
  StreamFilter,
} from '../../../src/filters.ts';
import { codeOf, latin1, parse } from './reading.ts';

const upper = (): MapFilter<string> => new MapFilter({ code: (line: string) => line.toUpperCase() });
const noB = (): GrepFilter<string> =>
  new GrepFilter({ code: (line: string) => line !== 'B' && line !== 'b' });
const pairs = (): RecordBlockFilter<string> => new RecordBlockFilter({ blockSize: 2 });
const text = (bytes: Uint8Array | string): string => Buffer.from(bytes as string).toString();

describe('a stack', () => {
  it('passes input up and output down', () => {
    const stack = new StackableFilter<string[], string[]>({
      filters: [new LineFilter(), upper(), noB(), pairs()],
    });
    expect(parse(stack, [latin1('a\nb\nc\nd\ne\nf')])).toEqual([
      ['A', 'C'],
      ['D', 'E'],
    ]);
    expect(text(stack.encode(['x', 'b', 'y']))).toBe('X\r\nY\r\n');
    expect(stack.filterTypes).toEqual(['LineFilter', 'MapFilter', 'GrepFilter', 'RecordBlockFilter']);
  });

  it('writes back what upper filters hold', () => {
    const stack = new StackableFilter({ filters: [new LineFilter(), pairs()] });
    expect(parse(stack, [latin1('a\nb\nc\nd')])).toEqual([['a', 'b']]);
    expect(text(stack.release())).toBe('c\r\nd');
    expect(stack.release()).toHaveLength(0);
  });

  it('can be empty, and is a stream then', () => {
    const stack = new StackableFilter();
    expect(parse(stack, [latin1('ab')])).toEqual([latin1('ab')]);
    expect(stack.encode('x')).toBe('x');
  });

  it('can begin with a filter of records, to which a read is one', () => {
    const stack = new StackableFilter({
      filters: [new MapFilter({ code: (read: Buffer | string) => `<${text(read)}>` })],
    });
    expect(parse(stack, [latin1('ab')])).toEqual(['<ab>']);
    expect(stack.encode('x')).toBe('<x>');
  });

  it('can have a filter of bytes above another', () => {
    const stack = new StackableFilter({ filters: [new BlockFilter(), new LineFilter()] });
    expect(parse(stack, [latin1('3\0a\nb2\0c\n1\0d1')])).toEqual(['a', 'bc']);
    expect(text(stack.encode('x'))).toBe('3\0x\r\n');
    // The block that the line has begun is whole again.
    expect(text(stack.release())).toBe('1\0d1');
  });

  it('can be changed at both ends', () => {
    const stack = new StackableFilter<string>({ filters: [upper()] });
    stack.unshiftFilters(new LineFilter());
    const grep = noB();
    stack.pushFilters(grep);
    expect(parse(stack, [latin1('a\nb\n')])).toEqual(['A']);
    expect(stack.popFilter()).toBe(grep);
    expect(parse(stack, [latin1('b\n')])).toEqual(['B']);
    expect(stack.shiftFilter()).toBeInstanceOf(LineFilter);
    expect(stack.filterTypes).toEqual(['MapFilter']);
    expect(stack.filters).toHaveLength(1);
  });

  it('clones each filter', () => {
    const stack = new StackableFilter<string[]>({ filters: [new LineFilter(), pairs()] });
    parse(stack, [latin1('a\nb')]);
    expect(parse(stack.clone(), [latin1('c\nd\n')])).toEqual([['c', 'd']]);
  });

  it('sends nothing for a record that is dropped', () => {
    expect(new StackableFilter({ filters: [new LineFilter(), noB()] }).encode('b')).toHaveLength(0);
  });

  it('refuses to send what is not bytes', () => {
    const stack = new StackableFilter({ filters: [new StreamFilter()] });
    expect(codeOf(() => stack.encode(7))).toBe('FORKLESS_BAD_STACK');
    expect(codeOf(() => new StackableFilter({ Filters: [] } as object))).toBe('FORKLESS_UNKNOWN_OPTION');
  });
});

describe('filters of records', () => {
  it('map each way by its own function, drop what is made undefined, and can be changed', () => {
    const map = new MapFilter<string, number, number>({
      get: (line) => (line === '' ? undefined : Number(line)),
      put: (number) => (number < 0 ? undefined : String(number)),
    });
    const stack = new StackableFilter<number, number>({ filters: [new LineFilter(), map] });
    expect(parse(stack, [latin1('1\n\n2\n')])).toEqual([1, 2]);
    expect([stack.encode(3), stack.encode(-3)].map(text)).toEqual(['3\r\n', '']);
    map.modify({ get: () => 0, put: () => 'zero' });
    expect(parse(stack, [latin1('1\n')])).toEqual([0]);
    expect(stack.encode(1)).toBe('zero\r\n');
  });

  it('grep each way by its own predicate, and can be changed', () => {
    const grep = new GrepFilter<string>({ get: (line) => line !== 'a', put: (line) => line !== 'b' });
    const stack = new StackableFilter<string, string>({ filters: [new LineFilter(), grep] });
    expect(parse(stack, [latin1('a\nb\n')])).toEqual(['b']);
    expect([stack.encode('a'), stack.encode('b')].map(text)).toEqual(['a\r\n', '']);
    grep.modify({ code: () => true });
    expect(parse(stack, [latin1('a\n')])).toEqual(['a']);
  });

  it('block records; with checkPut only whole blocks are sent', () => {
    const block = new RecordBlockFilter<string>({ blockSize: 2, checkPut: true });
    expect([block.encode(['a']), block.encode(['b', 'c', 'd', 'e'])]).toEqual([[], ['a', 'b', 'c', 'd']]);
    expect(block.putPending).toEqual(['e']);
    expect([block.clone().putPending, block.clone().checkPut, block.blockSize]).toEqual([[], true, 2]);
    block.checkPut = false;
    block.blockSize = 3;
    expect(block.encode(['f'])).toEqual(['e', 'f']);
    for (const record of ['x', 'y']) block.push(record);
    expect(block.take()).toBeUndefined();
    expect(block.release()).toEqual(['x', 'y']);
  });

  it.each([{}, { code: 1 }, { get: String }, { put: String }, { code: String, get: String }])(
    'refuse the functions %j',
    (options) => {
      expect(codeOf(() => new MapFilter(options as never))).toBe('FORKLESS_BAD_OPTION');
      expect(codeOf(() => new GrepFilter(options as never))).toBe('FORKLESS_BAD_OPTION');
    },
  );

  it('refuse a block of no records', () => {
    expect(codeOf(() => new RecordBlockFilter({ blockSize: 0 }))).toBe('FORKLESS_BAD_OPTION');
    const block = new RecordBlockFilter({ blockSize: 1 });
    expect(codeOf(() => void (block.blockSize = 0))).toBe('FORKLESS_BAD_OPTION');
  });
});
