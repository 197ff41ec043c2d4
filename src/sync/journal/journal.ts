import { createHash } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { ExecutorError, errorText } from "../../errors/index.ts";
import { publishFile } from "../../files/index.ts";
import { journalFolder, type Repository } from "../repository/index.ts";

/** What a run leaves for the next one, should it not come to its end. */
export interface JournalState {
  /** When the work began that is gone on with. */
  readonly startedAt: string;
  /** All keys of the source up to this one are done. */
  readonly after: string | undefined;
  /** Where a run that goes on from changes may begin, once this work is done (`--since`). */
  readonly cursor?: string | undefined;
}

/** Where a journal is kept. */
export interface JournalPlace {
  /** As errors and logs name it. */
  readonly name: string;
  read(signal: AbortSignal): Promise<string | undefined>;
  write(text: string, signal: AbortSignal): Promise<void>;
  remove(signal: AbortSignal): Promise<void>;
}

const journalBytesMax = 4 * 1024 * 1024;
const version = 1;
/** A journal that is older says nothing of today's source. */
const ageMsMax = 7 * 24 * 60 * 60_000;

/** An object of the target, under a key that no listing of ours shows. */
export function journalInTarget(target: Repository, id: string, bytesMax = journalBytesMax): JournalPlace {
  const key = `${target.prefix}${journalFolder}${id}.json`;
  return {
    name: `${target.name}${journalFolder}${id}.json`,
    async read(signal) {
      return (await target.read(key, bytesMax, signal))?.toString();
    },
    async write(text, signal) {
      await target.write(key, Buffer.from(text), { contentType: "application/json" }, signal);
    },
    async remove(signal) {
      await target.delete([key], signal);
    },
  };
}

/** A local file, which is replaced as a whole. */
export function journalInFile(path: string): JournalPlace {
  return {
    name: path,
    async read() {
      try {
        return await readFile(path, "utf8");
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw new ExecutorError("BadRequest", `the journal ${path} cannot be read: ${errorText(cause)}`, {
          cause,
        });
      }
    },
    async write(text) {
      await mkdir(dirname(path), { recursive: true });
      await publishFile(path, text, 0o600);
    },
    async remove() {
      await rm(path, { force: true });
    },
  };
}

/** Names what a run is about: only the same work goes on with a journal. */
export function journalId(...parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 24);
}

/** Writes down now and then how far a run is. Its failures are told and stop nothing: a journal only saves time. */
export class Journal {
  readonly #place: JournalPlace;
  readonly #id: string;
  readonly #warn: (error: unknown) => void;
  #writing: Promise<void> = Promise.resolve();
  #isBusy = false;
  /** False where it is known that there is none. */
  #isThere = true;

  constructor(place: JournalPlace, id: string, warn: (error: unknown) => void) {
    this.#place = place;
    this.#id = id;
    this.#warn = warn;
  }

  /** What the last run has left; undefined where it came to its end, or was about something else. */
  async open(signal: AbortSignal): Promise<JournalState | undefined> {
    const text = await this.#place.read(signal);
    this.#isThere = text !== undefined;
    return text === undefined ? undefined : parseState(text, this.#id);
  }

  /** Writes the state, unless the one before is still being written. */
  note(state: JournalState, signal: AbortSignal): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#isThere = true;
    const text = JSON.stringify({ version, id: this.#id, ...state });
    this.#writing = this.#place
      .write(text, signal)
      .catch(this.#warn)
      .finally(() => {
        this.#isBusy = false;
      });
  }

  /** The run has come to its end. */
  async close(signal: AbortSignal): Promise<void> {
    await this.#writing;
    if (this.#isThere) await this.#place.remove(signal).catch(this.#warn);
  }

  /** The run stops before its end: the state is there when this resolves. */
  async leave(state: JournalState, signal: AbortSignal): Promise<void> {
    await this.#writing;
    this.note(state, signal);
    await this.#writing;
  }
}

/** Whatever lies there may be half, old or somebody else's; then the run begins at the beginning. */
function parseState(text: string, id: string): JournalState | undefined {
  let value: Partial<Record<string, unknown>>;
  try {
    value = JSON.parse(text) as Partial<Record<string, unknown>>;
  } catch {
    return undefined;
  }
  const { startedAt, after, cursor } = value;
  if (value.version !== version || value.id !== id || typeof startedAt !== "string") return undefined;
  const ageMs = Date.now() - Date.parse(startedAt);
  if (!(ageMs >= 0 && ageMs < ageMsMax)) return undefined;
  if (after !== undefined && typeof after !== "string") return undefined;
  return { startedAt, after, cursor: typeof cursor === "string" ? cursor : undefined };
}
