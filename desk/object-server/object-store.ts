import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { Checksums } from "./checksums.ts";
import type { KeyBytes } from "./key-bytes.ts";
import { Refusal } from "./refusal.ts";
import { SortedMap } from "./sorted-map.ts";

/** One file below `blobs/`: the content of an object, or of one part of it. */
export interface Blob {
  readonly file: string;
  readonly sizeBytes: number;
}

export interface StoredObject {
  readonly key: KeyBytes;
  readonly blobs: readonly Blob[];
  readonly sizeBytes: number;
  /** Without quotes. */
  readonly etag: string;
  readonly modifiedMs: number;
  /** Sent with every GET and HEAD: content type, user metadata, encryption. */
  readonly headers: Readonly<Record<string, string>>;
  readonly checksums: Checksums;
  readonly checksumType: "FULL_OBJECT" | "COMPOSITE";
  /** MD5 of the customer's key (SSE-C), in base64. */
  readonly customerKeyMd5?: string | undefined;
}

export interface Upload {
  readonly id: string;
  readonly key: KeyBytes;
  readonly startedMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly checksum:
    | { readonly name: keyof Checksums; readonly type: StoredObject["checksumType"] }
    | undefined;
  readonly customerKeyMd5?: string | undefined;
  readonly parts: Map<number, Part>;
}

export interface Part {
  readonly blob: Blob;
  readonly etag: string;
  readonly modifiedMs: number;
  readonly checksums: Checksums;
}

export interface Bucket {
  readonly name: string;
  readonly createdMs: number;
  /** The document of PutBucketEncryption. */
  encryption?: string | undefined;
  readonly objects: SortedMap<StoredObject>;
  readonly uploads: Map<string, Upload>;
}

type JournalLine =
  | {
      readonly op: "bucket";
      readonly bucket: string;
      readonly createdMs: number;
      readonly encryption?: string;
    }
  | { readonly op: "put"; readonly bucket: string; readonly object: StoredObject }
  | { readonly op: "delete"; readonly bucket: string; readonly key: KeyBytes }
  | { readonly op: "drop"; readonly bucket: string };

/** Bodies up to this size are written with one call when they are complete; larger ones as they arrive. */
const writeBytes = 1024 * 1024;

/**
 * Buckets and objects in a folder. Content lies in `blobs/` under names of our own, so that every key is possible; which
 * blobs make up which object is one line of `journal`, and that line is what publishes an object. Reading the journal
 * again gives back everything but unfinished multipart uploads.
 */
export class ObjectStore implements Disposable {
  readonly buckets = new Map<string, Bucket>();
  readonly #directory: string;
  /** Stays open, since opening a file costs more than the line that is written. */
  readonly #journal: number;
  /** Objects that are being read, with the number of readers; their blobs outlive a deletion. */
  readonly #readers = new Map<StoredObject, number>();
  readonly #doomed = new Set<StoredObject>();

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(join(directory, "blobs"), { recursive: true });
    const journal = join(directory, "journal");
    if (existsSync(journal)) this.#recover(journal);
    this.#journal = openSync(journal, "a");
  }

  [Symbol.dispose](): void {
    closeSync(this.#journal);
  }

  path(blob: Blob): string {
    return join(this.#directory, "blobs", blob.file);
  }

  /** Stores a body as a blob that belongs to no object yet; nothing stays behind if the body fails. */
  async receive(body: AsyncIterable<Uint8Array>): Promise<Blob> {
    const file = randomUUID();
    const path = join(this.#directory, "blobs", file);
    let handle: FileHandle | undefined;
    let waiting: Uint8Array[] = [];
    let waitingBytes = 0;
    let sizeBytes = 0;
    try {
      for await (const chunk of body) {
        waiting.push(chunk);
        waitingBytes += chunk.length;
        sizeBytes += chunk.length;
        if (waitingBytes < writeBytes) continue;
        handle ??= await open(path, "wx");
        await handle.writev(waiting);
        waiting = [];
        waitingBytes = 0;
      }
      if (!handle) writeFileSync(path, Buffer.concat(waiting), { flag: "wx" });
      else if (waitingBytes > 0) await handle.writev(waiting);
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    } finally {
      await handle?.close();
    }
    return { file, sizeBytes };
  }

  discard(blobs: Iterable<Blob>): void {
    for (const blob of blobs) {
      try {
        unlinkSync(this.path(blob));
      } catch (error) {
        // The folder may have been removed under a server that is closing.
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
  }

  createBucket(name: string, createdMs: number): Bucket {
    const bucket = this.#addBucket(name, createdMs);
    this.#write({ op: "bucket", bucket: name, createdMs });
    return bucket;
  }

  setEncryption(bucket: Bucket, encryption: string | undefined): void {
    bucket.encryption = encryption;
    this.#write(bucketLine(bucket));
  }

  dropBucket(bucket: Bucket): void {
    if (bucket.objects.size > 0) {
      throw new Refusal(409, "BucketNotEmpty", "The bucket you tried to delete is not empty");
    }
    this.buckets.delete(bucket.name);
    this.#write({ op: "drop", bucket: bucket.name });
  }

  /** Makes the object visible under its key, in place of what was there. */
  publish(bucket: Bucket, object: StoredObject): void {
    const previous = bucket.objects.get(object.key);
    this.#write({ op: "put", bucket: bucket.name, object });
    bucket.objects.set(object.key, object);
    if (previous) this.#dropContent(previous);
  }

  remove(bucket: Bucket, key: KeyBytes): void {
    const previous = bucket.objects.get(key);
    if (!previous) return;
    this.#write({ op: "delete", bucket: bucket.name, key });
    bucket.objects.delete(key);
    this.#dropContent(previous);
  }

  /** Keeps the object's content until the returned lease is disposed of. */
  lease(object: StoredObject): Disposable {
    this.#readers.set(object, (this.#readers.get(object) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const readers = (this.#readers.get(object) ?? 1) - 1;
        if (readers > 0) {
          this.#readers.set(object, readers);
          return;
        }
        this.#readers.delete(object);
        if (this.#doomed.delete(object)) this.discard(object.blobs);
      },
    };
  }

  #dropContent(object: StoredObject): void {
    if (this.#readers.has(object)) this.#doomed.add(object);
    else this.discard(object.blobs);
  }

  #addBucket(name: string, createdMs: number): Bucket {
    const bucket: Bucket = { name, createdMs, objects: new SortedMap(), uploads: new Map() };
    this.buckets.set(name, bucket);
    return bucket;
  }

  #write(line: JournalLine): void {
    writeSync(this.#journal, `${JSON.stringify(line)}\n`);
  }

  /** Replays the journal, writes it anew without what was deleted, and removes blobs that belong to nothing. */
  #recover(journal: string): void {
    for (const text of readFileSync(journal, "utf8").split("\n")) {
      const line = parseLine(text);
      if (line) this.#replay(line);
    }
    const used = new Set<string>();
    const lines: JournalLine[] = [];
    for (const bucket of this.buckets.values()) {
      lines.push(bucketLine(bucket));
      for (const object of bucket.objects.values()) {
        lines.push({ op: "put", bucket: bucket.name, object });
        for (const blob of object.blobs) used.add(blob.file);
      }
    }
    const aside = `${journal}.new`;
    writeFileSync(aside, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    renameSync(aside, journal);
    for (const file of readdirSync(join(this.#directory, "blobs"))) {
      if (!used.has(file)) this.discard([{ file, sizeBytes: 0 }]);
    }
  }

  #replay(line: JournalLine): void {
    if (line.op === "bucket") {
      const bucket = this.buckets.get(line.bucket) ?? this.#addBucket(line.bucket, line.createdMs);
      bucket.encryption = line.encryption;
      return;
    }
    const bucket = this.buckets.get(line.bucket);
    if (line.op === "drop") this.buckets.delete(line.bucket);
    else if (line.op === "put") bucket?.objects.set(line.object.key, line.object);
    else bucket?.objects.delete(line.key);
  }
}

function bucketLine({ name, createdMs, encryption }: Bucket): JournalLine {
  return { op: "bucket", bucket: name, createdMs, ...(encryption === undefined ? {} : { encryption }) };
}

/** The last line may be half written after a crash; it was never acknowledged, so it counts as absent. */
function parseLine(text: string): JournalLine | undefined {
  try {
    return JSON.parse(text) as JournalLine;
  } catch {
    return undefined;
  }
}
