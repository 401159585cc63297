/** The table of POE's filters, with the filter of this package for each. Used in both threads. */
import { isUtf8 } from 'node:buffer';
import { zlibCompression } from '../common/codecs/zlib.ts';
import { BlockFilter } from '../common/filters/block.ts';
import { GrepFilter } from '../common/filters/grep.ts';
import { HttpdFilter } from '../common/filters/httpd.ts';
import { LineFilter } from '../common/filters/line.ts';
import { MapFilter } from '../common/filters/map.ts';
import { RecordBlockFilter } from '../common/filters/record-block.ts';
import { jsonCodec, type ReferenceCodec, ReferenceFilter } from '../common/filters/reference.ts';
import { type StackedFilter } from '../common/filters/stackable.ts';
import { StreamFilter } from '../common/filters/stream.ts';

export type Fields = Readonly<Record<string, unknown>>;

export interface KnownFilter {
  /** The ancestor's parameters, and our options for them. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly make: (options: Fields) => StackedFilter;
}

const ENCODING = { Encoding: 'encoding' } as const;
const LIMITS = { MaxLength: 'maxLength', MaxBuffer: 'maxBuffer' } as const;
const FUNCTIONS = { Code: 'code', Get: 'get', Put: 'put' } as const;

/** The ancestor's strings are bytes: each character is one, and each byte a character. */
export const BYTES = { encoding: 'latin1' } as const;

/** The ancestor's filters but the one that holds others. The constructors check the values of the options themselves. */
export const KNOWN_FILTERS: Readonly<Record<string, KnownFilter>> = {
  Line: {
    parameters: {
      ...LIMITS,
      ...ENCODING,
      Literal: 'literal',
      InputLiteral: 'inputLiteral',
      OutputLiteral: 'outputLiteral',
      InputRegexp: 'inputRegexp',
    },
    make: line,
  },
  Stream: { parameters: ENCODING, make: (options) => new StreamFilter({ ...BYTES, ...options }) },
  Block: {
    parameters: { ...LIMITS, ...ENCODING, BlockSize: 'blockSize', LengthCodec: 'lengthCodec' },
    make: (options) => new BlockFilter({ ...BYTES, ...options }),
  },
  Reference: {
    parameters: {
      MaxBuffer: 'maxBuffer',
      Serializer: 'codec',
      Compression: 'compression',
      NoFatals: 'errorsAsText',
    },
    make: reference,
  },
  HTTPD: {
    parameters: { ...ENCODING, MaxContent: 'maxBody', MaxBuffer: 'maxBuffer', Streaming: 'streaming' },
    make: ({ streaming, ...rest }) => new HttpdFilter({ ...BYTES, ...rest, streaming: Boolean(streaming) }),
  },
  Map: { parameters: FUNCTIONS, make: (options) => new MapFilter<never>(options as never) },
  Grep: { parameters: FUNCTIONS, make: (options) => new GrepFilter<never>(options as never) },
  RecordBlock: {
    parameters: { BlockSize: 'blockSize', CheckPut: 'checkPut', MaxBuffer: 'maxBuffer' },
    make: ({ checkPut, ...rest }) =>
      new RecordBlockFilter<never>({ ...rest, checkPut: Boolean(checkPut) } as never),
  },
};

// The ancestor's undefined or empty InputLiteral: the first line end of the input is the one that counts.
function line(options: Fields): LineFilter {
  const { inputLiteral, ...rest } = options;
  const detects = 'inputLiteral' in options && (inputLiteral === undefined || inputLiteral === '');
  return new LineFilter({ ...BYTES, ...(detects ? { ...rest, autodetect: true } : options) });
}

// Text that is no UTF-8 is no JSON. Read as if it were, its bytes would come back changed.
const strictJson: ReferenceCodec = {
  encode: (value) => jsonCodec.encode(value),
  decode: (bytes, limits) => {
    if (isUtf8(bytes)) return jsonCodec.decode(bytes, limits);
    throw new TypeError('JSON has to be in UTF-8');
  },
};

// 0 and 1 are the ancestor's; a codec or a compression of one's own is an object.
function reference({ compression, errorsAsText, ...rest }: Fields): ReferenceFilter {
  const compresses = compression !== undefined && compression !== 0 && compression !== false;
  const own = typeof compression === 'object' ? compression : zlibCompression;
  return new ReferenceFilter({
    codec: strictJson,
    ...rest,
    ...(compresses && { compression: own as never }),
    errorsAsText: Boolean(errorsAsText),
  });
}
