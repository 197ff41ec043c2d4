import { mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { ExecutorError } from "../../errors/index.ts";
import { inBatches } from "../../limits/index.ts";
import { compareKeys, type ObjectInfo } from "../../transfer/index.ts";
import { fileLines } from "../file-lines.ts";

/** Objects that are sorted in memory; more of them go through files of this many. */
const runLength = 50_000;
const pageLength = 1000;

/**
 * Sorts the objects of a listing by the bytes of their keys, in the memory that `runLength` of them take: sorted runs
 * are written to files below `folder`, which are merged and then removed.
 * @throws Corrupt where a key comes twice
 */
export async function* sortExternally(
  pages: AsyncIterable<readonly ObjectInfo[]>,
  folder: string,
  signal: AbortSignal,
): AsyncGenerator<readonly ObjectInfo[]> {
  let run: ObjectInfo[] = [];
  let files: RunFiles | undefined;
  try {
    for await (const page of pages) {
      for (const object of page) run.push(object);
      if (run.length < runLength) continue;
      files ??= await RunFiles.open(folder);
      await files.write(sorted(run));
      run = [];
    }
    const rest = sorted(run);
    for await (const page of inBatches(single(files?.merged(rest) ?? rest), pageLength)) {
      signal.throwIfAborted();
      yield page;
    }
  } finally {
    await files?.remove();
  }
}

function sorted(run: ObjectInfo[]): ObjectInfo[] {
  return run.sort((a, b) => compareKeys(a.key, b.key));
}

/** Throws Corrupt where a key comes twice. */
async function* single(
  objects: Iterable<ObjectInfo> | AsyncIterable<ObjectInfo>,
): AsyncGenerator<ObjectInfo> {
  let before: string | undefined;
  for await (const object of objects) {
    if (object.key === before) {
      throw new ExecutorError(
        "Corrupt",
        `the listing has ${JSON.stringify(before)} twice: it changed while it was read`,
      );
    }
    before = object.key;
    yield object;
  }
}

/** Sorted runs in files of a folder of their own. */
class RunFiles {
  readonly #folder: string;
  #count = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(parent: string): Promise<RunFiles> {
    return new RunFiles(await mkdtemp(join(parent, "outrider-sort-")));
  }

  async write(run: readonly ObjectInfo[]): Promise<void> {
    const file = await open(join(this.#folder, String(this.#count)), "wx", 0o600);
    try {
      for (let at = 0; at < run.length; at += pageLength) {
        const lines = run.slice(at, at + pageLength).map((object) => `${JSON.stringify(object)}\n`);
        await file.appendFile(lines.join(""));
      }
    } finally {
      await file.close();
    }
    this.#count += 1;
  }

  /** All of the files, and the last run, which never was written. */
  async *merged(last: readonly ObjectInfo[]): AsyncGenerator<ObjectInfo> {
    const sources = Array.from({ length: this.#count }, (_, index) => this.#read(index));
    const heap = new Heads();
    for (const source of [...sources, each(last)]) await heap.add(source);
    for (let next = await heap.take(); next !== undefined; next = await heap.take()) yield next;
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async *#read(index: number): AsyncGenerator<ObjectInfo> {
    for await (const line of fileLines(join(this.#folder, String(index))))
      yield JSON.parse(line) as ObjectInfo;
  }
}

async function* each(objects: readonly ObjectInfo[]): AsyncGenerator<ObjectInfo> {
  yield* objects;
}

interface Head {
  object: ObjectInfo;
  readonly rest: AsyncIterator<ObjectInfo>;
}

/** A binary heap of the sources' first objects, the smallest key on top. */
class Heads {
  readonly #heads: Head[] = [];

  async add(source: AsyncIterable<ObjectInfo>): Promise<void> {
    const rest = source[Symbol.asyncIterator]();
    const first = await rest.next();
    if (first.done === true) return;
    this.#heads.push({ object: first.value, rest });
    for (let at = this.#heads.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** The smallest; its source's next one takes its place. */
  async take(): Promise<ObjectInfo | undefined> {
    const [top] = this.#heads;
    if (top === undefined) return undefined;
    const { object } = top;
    const next = await top.rest.next();
    if (next.done !== true) top.object = next.value;
    else {
      const last = this.#heads.pop();
      if (last !== undefined && last !== top) this.#heads[0] = last;
    }
    this.#sink();
    return object;
  }

  #sink(): void {
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heads.length && this.#isBefore(child, least)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    return compareKeys(this.#heads[a]?.object.key ?? "", this.#heads[b]?.object.key ?? "") < 0;
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#heads[a], this.#heads[b]];
    if (first === undefined || second === undefined) return;
    this.#heads[a] = second;
    this.#heads[b] = first;
  }
}
