export { structuredCloneCodec } from './codecs/structured-clone.ts';
export { zlibCompression } from './codecs/zlib.ts';
export { ForklessError, type ErrorCode } from './core/errors.ts';
export { decimalLength, type BlockLength, type LengthCodec } from './filters/block-length.ts';
export { BlockFilter, type BlockFilterOptions } from './filters/block.ts';
export { type DecodeLimits } from './filters/decode-budget.ts';
export { type Filter } from './filters/filter.ts';
export { GrepFilter, type GrepFilterOptions } from './filters/grep.ts';
export {
  errorResponse,
  type HttpBodyPart,
  type HttpRequest,
  type HttpResponse,
} from './filters/http-message.ts';
export { HttpdFilter, type HttpdFilterOptions, type HttpdRecord } from './filters/httpd.ts';
export { LineFilter, type LineFilterOptions } from './filters/line.ts';
export { MapFilter, type MapFilterOptions } from './filters/map.ts';
export { RecordBlockFilter, type RecordBlockFilterOptions } from './filters/record-block.ts';
export { type RecordFilter } from './filters/record-filter.ts';
export {
  jsonCodec,
  ReferenceFilter,
  type Compression,
  type ReferenceCodec,
  type ReferenceFilterOptions,
} from './filters/reference.ts';
export { StackableFilter, type StackableFilterOptions, type StackedFilter } from './filters/stackable.ts';
export { StreamFilter, type StreamFilterOptions } from './filters/stream.ts';
export { type TextEncoding } from './filters/text-bytes.ts';
