import { closeSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { ExecutorError, errorText } from "../errors/index.ts";
import type { Logger } from "../log/index.ts";

/**
 * What is known of a node from before a restart: `sent`, a request went out that must not be repeated, and no answer
 * was noted; `answered`, the result, perhaps not reported yet; `reported`, nothing is left to do.
 */
export type Past =
  | { readonly state: "sent" }
  | { readonly state: "answered"; readonly json: string }
  | { readonly state: "reported" };

/** Lines of nodes that are gone are dropped when the file has grown by so much. */
const growthBytesMax = 16 * 1024 * 1024;

/**
 * A file on the pod's volume, which outlives the container but not the pod: a line for each thing that a restarted
 * agent has to know. Lines are in the page cache when a call returns; that is enough, since a node that loses power
 * loses the pod and its volume with it. If the volume is full the agent goes on without, and the task set's own status
 * remains as a witness.
 */
export class Journal implements Disposable {
  readonly #path: string;
  readonly #owner: string;
  readonly #log: Logger;
  readonly #live: Map<string, Past>;
  #file: number | undefined;
  #grownBytes = 0;
  /** The last line may be torn, and the next one must not be joined to it. */
  #isTorn = false;
  #hasWarned = false;

  /** Reads what an earlier run left, and goes on with it. @param owner tells one workflow from another */
  constructor(path: string, owner: string, log: Logger) {
    this.#path = path;
    this.#owner = owner;
    this.#log = log;
    this.#live = readPast(path, owner);
    this.#compact();
  }

  past(nodeId: string): Past | undefined {
    return this.#live.get(nodeId);
  }

  noteSent(nodeId: string): void {
    this.#note(nodeId, { state: "sent" });
  }

  noteAnswered(nodeId: string, json: string): void {
    this.#note(nodeId, { state: "answered", json });
  }

  noteReported(nodeId: string): void {
    this.#note(nodeId, { state: "reported" });
  }

  /** Forgets what an earlier run knew of nodes that have left the task set meanwhile. */
  keepOnly(isWanted: (nodeId: string) => boolean): void {
    for (const nodeId of this.#live.keys()) if (!isWanted(nodeId)) this.#live.delete(nodeId);
  }

  /** The node is no longer in the task set. */
  forget(nodeId: string): void {
    this.#live.delete(nodeId);
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #note(nodeId: string, past: Past): void {
    this.#live.set(nodeId, past);
    this.#attempt(() => this.#write(lineOf(nodeId, past)));
    if (this.#grownBytes > growthBytesMax) this.#compact();
  }

  /** Writes what is still of use into a new file, and puts it in the place of the old one. */
  #compact(): void {
    this.#attempt(() => {
      const aside = `${this.#path}.new`;
      const old = this.#file;
      this.#file = openSync(aside, "w", 0o600);
      if (old !== undefined) closeSync(old);
      this.#isTorn = false;
      this.#write(`${JSON.stringify({ owner: this.#owner })}\n`);
      for (const [nodeId, past] of this.#live) this.#write(lineOf(nodeId, past));
      renameSync(aside, this.#path);
      this.#grownBytes = 0;
    });
  }

  #write(line: string): void {
    if (this.#file === undefined) return;
    const text = this.#isTorn ? `\n${line}` : line;
    this.#isTorn = true;
    // As text, without a copy in memory; a file takes all of it at once, unless the volume is full.
    const written = writeSync(this.#file, text);
    this.#grownBytes += written;
    if (written < Buffer.byteLength(text)) throw new ExecutorError("TooLarge", "the volume is full");
    this.#isTorn = false;
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (this.#hasWarned) return;
      this.#hasWarned = true;
      this.#log.warn(
        { path: this.#path, error: errorText(error) },
        "the agent's journal could not be written",
      );
    }
  }
}

function lineOf(nodeId: string, past: Past): string {
  const name = JSON.stringify(nodeId);
  return past.state === "answered"
    ? `{"node":${name},"state":"answered","result":${past.json}}\n`
    : `{"node":${name},"state":"${past.state}"}\n`;
}

/** A file that cannot be read, or is another workflow's, counts as none. */
function readPast(path: string, owner: string): Map<string, Past> {
  const live = new Map<string, Past>();
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // The first start in this pod.
    return live;
  }
  const [head = "", ...lines] = text.split("\n");
  if (parse(head)?.owner !== owner) return live;
  for (const line of lines) {
    const { node, state, result } = parse(line) ?? {};
    if (typeof node !== "string") continue;
    if (state === "sent" || state === "reported") live.set(node, { state });
    if (state === "answered") live.set(node, { state, json: JSON.stringify(result) });
  }
  return live;
}

/** The last line may be torn: the process was killed while it wrote. */
function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
