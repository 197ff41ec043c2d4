import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { inBatches } from "../limits/index.ts";
import { fileLines } from "./file-lines.ts";

const memoryMax = 10_000;

/** A list of any length that is written once and then read, in the memory of its first items. */
export class Spool<Item> implements AsyncDisposable {
  readonly #parent: string;
  readonly #first: Item[] = [];
  #waiting: string[] = [];
  #file: { readonly folder: string; readonly handle: FileHandle } | undefined;
  #count = 0;

  /** @param parent a folder for temporary files */
  constructor(parent: string) {
    this.#parent = parent;
  }

  get count(): number {
    return this.#count;
  }

  async add(item: Item): Promise<void> {
    this.#count += 1;
    if (this.#first.length < memoryMax) {
      this.#first.push(item);
      return;
    }
    this.#waiting.push(`${JSON.stringify(item)}\n`);
    if (this.#waiting.length >= memoryMax) await this.#flush();
  }

  /** All items in batches of up to `length`, in their order; nothing may be added any more. */
  async *batches(length: number): AsyncGenerator<readonly Item[]> {
    yield* inBatches(this.#all(), length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.handle.close();
    if (this.#file !== undefined) await rm(this.#file.folder, { recursive: true, force: true });
  }

  async *#all(): AsyncGenerator<Item> {
    yield* this.#first;
    if (this.#count === this.#first.length) return;
    await this.#flush();
    if (this.#file === undefined) return;
    for await (const line of fileLines(join(this.#file.folder, "items"))) yield JSON.parse(line) as Item;
  }

  async #flush(): Promise<void> {
    if (this.#file === undefined) {
      const folder = await mkdtemp(join(this.#parent, "outrider-spool-"));
      this.#file = { folder, handle: await open(join(folder, "items"), "wx", 0o600) };
    }
    await this.#file.handle.appendFile(this.#waiting.join(""));
    this.#waiting = [];
  }
}
