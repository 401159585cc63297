import { describe, expect, it } from 'vitest';
import { StreamFilter } from '../../../src/common/filters/stream.ts';

describe('the stream filter', () => {
  it('gives everything pushed as one record', () => {
    const filter = new StreamFilter();
    for (const chunk of ['a', '', 'b']) filter.push(Buffer.from(chunk));
    expect(filter.take()).toEqual(Buffer.from('ab'));
    expect(filter.take()).toBeUndefined();
  });

  it('gives a Buffer for any Uint8Array, also a view', () => {
    const filter = new StreamFilter();
    filter.push(new Uint8Array([1, 2, 3]).subarray(1));
    expect(filter.take()).toEqual(Buffer.of(2, 3));
  });

  it('passes output through', () => {
    const bytes = Buffer.of(1);
    expect(new StreamFilter().encode(bytes)).toBe(bytes);
    expect(new StreamFilter().encode('x')).toBe('x');
  });

  it('release gives the rest; a clone has none', () => {
    const filter = new StreamFilter();
    filter.push(Buffer.from('ab'));
    expect(filter.clone().take()).toBeUndefined();
    expect(filter.release()).toEqual(Buffer.from('ab'));
    expect(filter.release()).toHaveLength(0);
  });
});
