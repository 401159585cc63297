/** Makes the filters of one connection from those that the handlers name. */
import { type Filter } from '../../common/filters/filter.ts';
import { LineFilter } from '../../common/filters/line.ts';
import { type AnyHandlers } from './handlers.ts';

/** Filters for one connection alone: clones of what the handlers name, or lines. Throws what `clone` throws. */
export function filtersFor(handlers: AnyHandlers): {
  inputFilter: Filter<unknown, never>;
  outputFilter: Filter;
} {
  const { clientInputFilter, clientOutputFilter, clientFilter = new LineFilter() } = handlers;
  if (clientInputFilter !== undefined && clientOutputFilter !== undefined) {
    return { inputFilter: clientInputFilter.clone(), outputFilter: clientOutputFilter.clone() };
  }
  const both = clientFilter.clone();
  return { inputFilter: both, outputFilter: both };
}
