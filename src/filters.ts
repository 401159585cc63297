/** The front `forkless/filters`: all filters and codecs. Used in both threads. */

export { structuredCloneCodec } from './common/codecs/structured-clone.ts';
export { zlibCompression } from './common/codecs/zlib.ts';
export { ForklessError, type ErrorCode } from './common/core/errors.ts';
export { decimalLength, type BlockLength, type LengthCodec } from './common/filters/block-length.ts';
export { BlockFilter, type BlockFilterOptions } from './common/filters/block.ts';
export { type DecodeLimits } from './common/filters/decode-budget.ts';
export { type Filter } from './common/filters/filter.ts';
export { GrepFilter, type GrepFilterOptions } from './common/filters/grep.ts';
export {
  errorResponse,
  type HttpBodyPart,
  type HttpRequest,
  type HttpResponse,
} from './common/filters/http-message.ts';
export { HttpdFilter, type HttpdFilterOptions, type HttpdRecord } from './common/filters/httpd.ts';
export { LineFilter, type LineFilterOptions } from './common/filters/line.ts';
export { MapFilter, type MapFilterOptions } from './common/filters/map.ts';
export { RecordBlockFilter, type RecordBlockFilterOptions } from './common/filters/record-block.ts';
export { type RecordFilter } from './common/filters/record-filter.ts';
export {
  jsonCodec,
  ReferenceFilter,
  type Compression,
  type ReferenceCodec,
  type ReferenceFilterOptions,
} from './common/filters/reference.ts';
export {
  StackableFilter,
  type StackableFilterOptions,
  type StackedFilter,
} from './common/filters/stackable.ts';
export { StreamFilter, type StreamFilterOptions } from './common/filters/stream.ts';
export { type TextEncoding } from './common/filters/text-bytes.ts';
