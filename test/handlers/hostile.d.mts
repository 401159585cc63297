export const BASES: Readonly<Record<string, () => unknown>>;
export const NAMES: readonly string[];
export const KINDS: readonly string[];
export function made(description: {
  readonly base: string;
  readonly fields?: Readonly<Record<string, string>>;
}): unknown;
