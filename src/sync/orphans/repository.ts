import type { StorePlace } from "../workflows/index.ts";

/** An object as a listing shows it. */
export interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag?: string | undefined;
  /** When it was written, in milliseconds since the epoch; undefined: the store does not say. */
  readonly modifiedMs?: number | undefined;
}

/** A repository of artifacts, as far as looking for orphans needs it. */
export interface OrphanRepository extends StorePlace {
  /** How messages and lists name it: type, endpoint, bucket and prefix. */
  readonly title: string;
  /** Nothing outside is looked at; empty: all of the bucket. */
  readonly prefix: string;
  readonly keyFormat: string;
  /** Every object below the prefix. Throws where the listing cannot be read to its end. */
  list(signal: AbortSignal): AsyncIterable<StoredObject>;
  /** The object as it is now; undefined: it is gone. */
  head(key: string, signal: AbortSignal): Promise<StoredObject | undefined>;
  /** True where something lies under the key or below `key/`. */
  has(key: string, signal: AbortSignal): Promise<boolean>;
  /** Deletes these very objects, and nothing below their keys; resolves to those that are left, with the reason. */
  delete(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Error>>;
}
