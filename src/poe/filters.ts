import { errors, show } from '../core/errors.ts';
import { type Filter } from '../filters/filter.ts';
import { LineFilter } from '../filters/line.ts';
import { StreamFilter } from '../filters/stream.ts';
import { isFilter } from '../worker/check-handlers.ts';

/**
 * How the ancestor names a filter: its class name (`'POE::Filter::Line'`, or just `'Line'`), the same with parameters
 * (`['Line', 'MaxLength', 100]` or `['Line', { MaxLength: 100 }]`), or a filter object.
 */
export type FilterParameter<In = unknown, Out = unknown> =
  string | readonly [name: string, ...parameters: unknown[]] | Filter<In, Out>;

type Fields = Readonly<Record<string, unknown>>;

interface Known {
  /** Its parameters that we have; the option is the same name with a small first letter. */
  readonly parameters: readonly string[];
  readonly make: (options: Fields) => Filter;
}

// The constructors check the values themselves.
const KNOWN: Readonly<Record<string, Known>> = {
  Line: { parameters: ['MaxLength'], make: (options) => new LineFilter(options) },
  Stream: { parameters: [], make: () => new StreamFilter() },
};

/** Throws `FORKLESS_BAD_PARAMETER` for a filter or a parameter of it that there is not. */
export function filterOf(parameter: string, given: unknown): Filter {
  if (isFilter(given)) return given;
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  const [name, ...parameters] = list;
  const known = typeof name === 'string' ? KNOWN[name.replace(/^POE::Filter::/, '')] : undefined;
  if (known === undefined) {
    const names = Object.keys(KNOWN).join(', ');
    throw errors.badParameter(
      `needs a filter as ${parameter}: one of ${names}, or an object; got ${show(name)}`,
    );
  }
  return known.make(optionsOf(parameter, known, fieldsOf(parameter, parameters)));
}

function fieldsOf(parameter: string, parameters: readonly unknown[]): Fields {
  const [first] = parameters;
  if (parameters.length === 1 && typeof first === 'object' && first !== null) return { ...first };
  if (parameters.length % 2 !== 0)
    throw errors.badParameter(`requires an even number of parameters in ${parameter}`);
  const pairs = parameters.flatMap((name, at) => (at % 2 === 0 ? [[String(name), parameters[at + 1]]] : []));
  return Object.fromEntries(pairs) as Fields;
}

function optionsOf(parameter: string, { parameters }: Known, fields: Fields): Fields {
  const entries = Object.entries(fields).map(([name, value]) => {
    if (!parameters.includes(name)) {
      throw errors.badParameter(`doesn't recognize "${name}" as a parameter of the filter in ${parameter}`);
    }
    return [name.charAt(0).toLowerCase() + name.slice(1), value] as const;
  });
  return Object.fromEntries(entries);
}
