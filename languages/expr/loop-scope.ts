/** A loop at work: what `#`, `#index` and `#acc` mean (docs/contract/expressions.md#1.8). */
import { bytesOf } from "../text/byte-text.ts";
import { AnyMap, elementsOf, Header, kindName, List, NamedInt, runError, type Value } from "./values.ts";

export class LoopScope {
  readonly length: number;
  index = 0;
  /** Matches so far. */
  count = 0;
  acc: Value = null;
  /** What `sortBy` has seen. */
  readonly sorted: { readonly items: Value[]; readonly keys: Value[] } = { items: [], keys: [] };
  readonly #items: List | readonly Value[] | Uint8Array | undefined;

  /** Throws for what has no length. A map has one, but no elements. */
  constructor(collection: Value) {
    const bytes = typeof collection === "string" ? bytesOf(collection) : collection;
    this.#items = bytes instanceof Uint8Array || bytes instanceof List ? bytes : elementsOf(bytes);
    this.length = this.#items?.length ?? sizeOfMap(collection);
  }

  get item(): Value {
    if (this.#items === undefined) throw runError("reflect: call of reflect.Value.Index on map Value");
    const item = this.#items.at(this.index) ?? null;
    return this.#items instanceof Uint8Array ? new NamedInt("uint8", BigInt(Number(item))) : item;
  }
}

function sizeOfMap(value: Value): number {
  if (value instanceof Map) return value.size;
  if (value instanceof AnyMap || value instanceof Header) return value.entries.size;
  const kind = value === null ? "zero" : kindName(value);
  throw runError(`reflect: call of reflect.Value.Len on ${kind} Value`);
}
