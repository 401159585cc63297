/** Makes filters from the names and parameters that POE has for them. Used in both threads. */
import { errors } from '../common/core/errors.ts';
import { show } from '../common/core/thrown.ts';
import { type Filter } from '../common/filters/filter.ts';
import { StackableFilter, type StackedFilter } from '../common/filters/stackable.ts';
import { isFilter } from '../worker/session/check-handlers.ts';
import { BYTES, type Fields, KNOWN_FILTERS } from './known-filters.ts';

/**
 * How the ancestor names a filter: its class name (`'POE::Filter::Line'`, or just `'Line'`), the same with parameters
 * (`['Line', 'MaxLength', 100]` or `['Line', { MaxLength: 100 }]`), or a filter object.
 */
export type FilterParameter<In = unknown, Out = unknown> =
  string | readonly [name: string, ...parameters: unknown[]] | Filter<In, Out>;

const STACK = { Filters: 'filters', Encoding: 'encoding' } as const;

/** Filters of records, which stand above one of bytes. */
const OF_RECORDS = ['Map', 'Grep', 'RecordBlock'];

/**
 * Throws `FORKLESS_BAD_PARAMETER` for a filter or a parameter of it that there is not, and what its constructor throws.
 * A filter of records alone gets what was read.
 */
export function filterOf(parameter: string, given: unknown): Filter {
  if (isFilter(given)) return given;
  const { name, fields } = named(parameter, given);
  const filter = made(parameter, name, fields);
  return OF_RECORDS.includes(name)
    ? new StackableFilter({ ...BYTES, filters: [filter] })
    : (filter as Filter);
}

function stacked(parameter: string, given: unknown): StackedFilter {
  if (isFilter(given)) return given;
  const { name, fields } = named(parameter, given);
  return made(parameter, name, fields);
}

function made(parameter: string, name: string, fields: Fields): StackedFilter {
  if (name === 'Stackable') {
    const { filters = [], ...rest } = optionsOf(parameter, STACK, fields);
    if (!Array.isArray(filters)) throw errors.badParameter(`needs an array as Filters of ${parameter}`);
    const stack = filters.map((each: unknown) => stacked(parameter, each));
    return new StackableFilter({ ...BYTES, ...rest, filters: stack });
  }
  const known = Object.hasOwn(KNOWN_FILTERS, name) ? KNOWN_FILTERS[name] : undefined;
  if (known !== undefined) return known.make(optionsOf(parameter, known.parameters, fields));
  const names = [...Object.keys(KNOWN_FILTERS), 'Stackable'].join(', ');
  throw errors.badParameter(
    `needs a filter as ${parameter}: one of ${names}, or an object; got ${show(name)}`,
  );
}

function named(parameter: string, given: unknown): { readonly name: string; readonly fields: Fields } {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  const [name, ...parameters] = list;
  if (typeof name !== 'string') {
    throw errors.badParameter(`needs a filter as ${parameter}: a name or an object, got ${show(name)}`);
  }
  return { name: name.replace(/^POE::Filter::/, ''), fields: fieldsOf(parameter, parameters) };
}

function fieldsOf(parameter: string, parameters: readonly unknown[]): Fields {
  const [first] = parameters;
  if (parameters.length === 1 && typeof first === 'object' && first !== null) return { ...first };
  if (parameters.length % 2 !== 0) {
    throw errors.badParameter(`requires an even number of parameters in ${parameter}`);
  }
  const names = parameters.filter((_, at) => at % 2 === 0);
  return Object.fromEntries(names.map((name, at) => [String(name), parameters[at * 2 + 1]]));
}

function optionsOf(parameter: string, known: Readonly<Record<string, string>>, fields: Fields): Fields {
  const entries = Object.entries(fields).map(([name, value]) => {
    const option = Object.hasOwn(known, name) ? known[name] : undefined;
    if (option !== undefined) return [option, value] as const;
    throw errors.badParameter(`doesn't recognize "${name}" as a parameter of the filter in ${parameter}`);
  });
  return Object.fromEntries(entries);
}
