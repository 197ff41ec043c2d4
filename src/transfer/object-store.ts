import type { Payload } from "../http/index.ts";
import type { ByteRange, ByteSink } from "../streams/index.ts";

export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  /** Names these very bytes; a range read under another tag fails. Undefined where a store has none. */
  readonly etag?: string | undefined;
  /** The MD5 of the content in hex, if the tag is one; only the answer to a read tells (ReadAnswer.provesMd5). */
  readonly md5?: string | undefined;
  /** When the content was stored, in milliseconds since the epoch, as far as its store tells; listings do. */
  readonly modifiedMs?: number | undefined;
  /** True for an entry that stands for a folder and has no content, such as the directories of hierarchical stores. */
  readonly isFolder?: boolean;
  /** True where the bytes are gzip that its readers get inflated (`Content-Encoding` of a store that does that). */
  readonly isInflated?: boolean;
  /** What is kept beside the bytes; `head` tells where the store keeps it, listings do not. */
  readonly attributes?: ObjectAttributes | undefined;
}

/** What a store keeps beside the bytes of an object, by the names of HTTP. */
export interface ObjectAttributes {
  readonly contentType: string;
  readonly contentEncoding?: string | undefined;
  readonly contentDisposition?: string | undefined;
  readonly contentLanguage?: string | undefined;
  readonly cacheControl?: string | undefined;
  /** What users have attached: names in lower case, values as they are. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** When the content was stored first, for stores that keep a time they are given, such as files. */
  readonly modifiedMs?: number | undefined;
}

/** A digest of a whole object that only its store's kind knows. */
export interface StoredDigest {
  /** As errors name it. */
  readonly name: string;
  /** Begins to compute it; `value` is that of all bytes so far, as the store writes it. */
  start(): { update(bytes: Uint8Array): void; value(): string };
  readonly expected: string;
}

/** What the answer to a read says of the whole object, whatever range was asked for. */
export interface ReadAnswer {
  /** True where `info.md5` is the MD5 of the content: encryption, for one, makes it something else. */
  readonly provesMd5: boolean;
  /** The SHA-256 of the content in hex, where `put` has left one with the object. */
  readonly sha256: string | undefined;
  /** A digest that came with the answer; checked where there is no SHA-256. */
  readonly digest?: StoredDigest | undefined;
  /** What is kept beside the bytes, where the store keeps it and tells with a read. */
  readonly attributes?: ObjectAttributes | undefined;
}

export interface StoredBytes extends ReadAnswer {
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface ListPage {
  readonly objects: readonly ObjectInfo[];
  /** Pass it on as `after` for the next page; undefined: this was the last one. A key where `listsFromAnyKey`. */
  readonly next: string | undefined;
}

/**
 * A multipart upload that has begun. Nothing is visible under its key before it is complete. It knows its parts: what
 * its store's kind has to be told of them at the end is nobody else's business. Each call may be repeated.
 */
export interface MultipartUpload {
  /** Stores a part, of which the store verifies a checksum. Numbers begin at 1; a number put again replaces its part. */
  put(number: number, payload: Payload, signal: AbortSignal): Promise<void>;
  /** Makes the object of all parts in the order of their numbers; the store verifies the whole where it can. */
  complete(signal: AbortSignal): Promise<void>;
  /** Gives up the upload and the parts sent; done if it is gone. */
  abort(signal: AbortSignal): Promise<void>;
}

/** A multipart upload whose parts are ranges of another object, which never leave the service. */
export interface MultipartCopy extends Pick<MultipartUpload, "complete" | "abort"> {
  /** Makes one part; errors as those of `copy` of a store. */
  copy(number: number, range: ByteRange, signal: AbortSignal): Promise<void>;
}

/** The object that a copy in parts makes: it takes nothing from its source by itself but bytes. */
export interface CopyTarget {
  readonly key: string;
  readonly attributes: ObjectAttributes;
}

/** What a store accepts; data, so that the engine needs no exceptions for anyone. */
export interface StoreLimits {
  /** Largest object of a single put. */
  readonly putBytesMax: number;
  readonly partBytesMin: number;
  readonly partBytesMax: number;
  readonly partsMax: number;
  readonly deleteKeysMax: number;
  /** Largest object that one `copy` takes; undefined: any. */
  readonly copyBytesMax?: number;
  /** True where the parts of an object must be sent one after the other, in order. */
  readonly partsInOrder?: boolean;
  /** False where an object is one request, however large, which is streamed. Default true. */
  readonly takesParts?: boolean;
  /** True where `put` has the store refuse bytes whose MD5 is not the one that came with them (`Payload.digests`). */
  readonly checksMd5?: boolean;
  /** False where `after` of a listing may only be what a page called `next`. Default true. */
  readonly listsFromAnyKey?: boolean;
  /** False where listings are not in the order of the keys' bytes. Default true. */
  readonly listsInOrder?: boolean;
  /** False where only bytes are kept, and no content type or metadata. Default true. */
  readonly keepsAttributes?: boolean;
}

/**
 * One bucket of an object store: few small operations, and nothing that repeats, splits or schedules; the engine of
 * this folder does that once for every store. Each call is one request. Errors are ExecutorError: NotFound for a
 * missing object (never for a missing bucket), Transient for what may pass, Unsupported for what the store cannot do.
 */
export interface ObjectStore {
  /** Host and bucket: requests under one name share their concurrency and their budget of retries. */
  readonly name: string;
  readonly limits: StoreLimits;
  head(key: string, signal: AbortSignal): Promise<ObjectInfo>;
  /**
   * The bytes of a range, or of the whole object. `info.etag` must still be the object's: Conflict otherwise. The body
   * may fail with Transient at any byte, and ends with one where the connection breaks.
   */
  get(info: ObjectInfo, range: ByteRange | undefined, signal: AbortSignal): Promise<StoredBytes>;
  /**
   * The same without chunks in between: the bytes of the range stand in the sink when it resolves. It may fail with
   * Transient at any byte, those before it being there.
   */
  getInto(info: ObjectInfo, range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<ReadAnswer>;
  /** The CRC-32 of the whole content of an object that came in parts, if the store has kept one; one request at most. */
  crc32?(info: ObjectInfo, signal: AbortSignal): Promise<number | undefined>;
  /** Stores the object whole, with the SHA-256 of its content. Resolves when the store has confirmed it. */
  put(key: string, payload: Payload, attributes: ObjectAttributes, signal: AbortSignal): Promise<void>;
  /** Begins a multipart upload. */
  startUpload(key: string, attributes: ObjectAttributes, signal: AbortSignal): Promise<MultipartUpload>;
  /** True where `copy` can take objects of `source` without their bytes leaving the service. */
  copiesFrom?(source: ObjectStore): boolean;
  /**
   * Makes an object of this store from one of `source`, bytes and attributes, inside the service. `info.etag` must
   * still be the object's: Conflict otherwise. Unsupported where the service turns out not to do it; TooLarge where
   * the object is larger than one request copies.
   */
  copy?(source: ObjectStore, info: ObjectInfo, key: string, signal: AbortSignal): Promise<void>;
  /** Begins to make an object from ranges of one of `source`, as `copiesFrom` says that it can. */
  startCopy?(
    source: ObjectStore,
    info: ObjectInfo,
    target: CopyTarget,
    signal: AbortSignal,
  ): Promise<MultipartCopy>;
  /** Objects whose key starts with `prefix` and is greater than `after`, in the order of the keys' bytes. */
  list(prefix: string, after: string | undefined, pageSize: number, signal: AbortSignal): Promise<ListPage>;
  /** Done if there is nothing. */
  delete(key: string, signal: AbortSignal): Promise<void>;
  /** Deletes up to `deleteKeysMax` objects with one request; resolves to those that are left, with the reason. */
  deleteBatch(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Error>>;
}
