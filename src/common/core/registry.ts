/** A map for many short-lived objects, made so that the garbage collector frees them early. Used in both threads. */

interface Entry<Value> {
  value: Value | undefined;
}

/**
 * A Map for objects that come and go by the thousand a second. A plain Map that does is copied to a new table now and
 * then, and V8 lets each old table point to its successor. Once one table is old in the garbage collector's terms, all
 * later ones live until the next full collection, with everything that was in them when they were given up: most of the
 * short-lived objects. Here that is an entry that is empty.
 */
export class Registry<Key, Value extends object> {
  readonly #entries = new Map<Key, Entry<Value>>();

  get size(): number {
    return this.#entries.size;
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)?.value;
  }

  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  set(key: Key, value: Value): void {
    this.delete(key);
    this.#entries.set(key, { value });
  }

  /** Returns whether it was there. */
  delete(key: Key): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    entry.value = undefined;
    return this.#entries.delete(key);
  }

  clear(): void {
    for (const key of this.#entries.keys()) this.delete(key);
  }

  /** In the order in which they came; deleting while walking is fine. */
  *values(): Generator<Value, undefined> {
    for (const { value } of this.#entries.values()) if (value !== undefined) yield value;
  }

  /** The one that came first. */
  get first(): Value | undefined {
    for (const { value } of this.#entries.values()) return value;
    return undefined;
  }
}
