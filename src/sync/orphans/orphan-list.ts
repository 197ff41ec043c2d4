import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { ExecutorError, errorText } from "../../errors/index.ts";
import { fileLines } from "../file-lines.ts";
import { memberAt, textAt } from "../workflows/index.ts";
import type { Candidate } from "./scan.ts";

/** What a list says of the run that made it. */
export interface ListHeader {
  readonly repository: string;
  /** ISO 8601. */
  readonly made: string;
  /** How many workflows were known then, live, archived and from files. */
  readonly workflows: number;
}

const listKind = "orphans";
const listVersion = 1;
/** Keys have 1,024 bytes at most, and JSON makes six times as much of the worst of them. */
const lineMax = 64 * 1024;
/** Lines are collected up to this size before they are written. */
const blockBytes = 256 * 1024;

/**
 * Writes a list of candidates: a line of JSON for each, between a header and an end that counts them. It stands under
 * its name whole or not at all.
 */
export async function writeOrphanList(
  path: string,
  header: ListHeader,
  candidates: AsyncIterable<Candidate>,
): Promise<number> {
  const aside = `${path}.${randomUUID()}`;
  const file = await open(aside, "wx", 0o600).catch((cause) => {
    throw new ExecutorError("BadRequest", `--list ${path} cannot be written: ${errorText(cause)}`, { cause });
  });
  try {
    let count: number;
    try {
      count = await writeLines(file, header, candidates);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
    return count;
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}

async function writeLines(
  file: FileHandle,
  header: ListHeader,
  candidates: AsyncIterable<Candidate>,
): Promise<number> {
  let block = `${JSON.stringify({ kind: listKind, version: listVersion, ...header })}\n`;
  let count = 0;
  for await (const { key, sizeBytes, etag, modifiedMs, workflow, why } of candidates) {
    block += `${JSON.stringify({ key, sizeBytes, etag, modifiedMs, workflow, why })}\n`;
    count += 1;
    if (block.length < blockBytes) continue;
    await file.writeFile(block);
    block = "";
  }
  await file.writeFile(`${block}${JSON.stringify({ end: true, count })}\n`);
  return count;
}

/** Reads the first line of a list. */
export async function readListHeader(path: string): Promise<ListHeader> {
  for await (const line of linesOf(path)) return headerOf(path, line);
  throw damaged(path, "it is empty");
}

/**
 * The candidates of a list, in its order. Throws before the last of them comes where the list does not end as it should:
 * whoever acts on them reads the list to its end first.
 */
export async function* readOrphanList(path: string): AsyncGenerator<Candidate> {
  let count = -1;
  let isWhole = false;
  for await (const line of linesOf(path)) {
    if (isWhole) throw damaged(path, "something follows its end");
    count += 1;
    if (count === 0) {
      headerOf(path, line);
      continue;
    }
    const value = parsed(path, line);
    if (memberAt(value, "end") === true) {
      if (memberAt(value, "count") !== count - 1)
        throw damaged(path, "it does not hold as many lines as it says");
      isWhole = true;
      continue;
    }
    yield candidateOf(path, value);
  }
  if (!isWhole) throw damaged(path, "its end is missing");
}

async function* linesOf(path: string): AsyncGenerator<string> {
  try {
    yield* fileLines(path, lineMax);
  } catch (cause) {
    throw new ExecutorError("BadRequest", `--list ${path} cannot be read: ${errorText(cause)}`, { cause });
  }
}

function headerOf(path: string, line: string): ListHeader {
  const value = parsed(path, line);
  if (memberAt(value, "kind") !== listKind || memberAt(value, "version") !== listVersion) {
    throw damaged(path, "it does not begin as a list that `sync orphans --list` has written");
  }
  const workflows = memberAt(value, "workflows");
  if (typeof workflows !== "number") throw damaged(path, "its header has no number of workflows");
  return { repository: textAt(value, "repository"), made: textAt(value, "made"), workflows };
}

function candidateOf(path: string, value: unknown): Candidate {
  const [sizeBytes, modifiedMs] = [memberAt(value, "sizeBytes"), memberAt(value, "modifiedMs")];
  const etag = memberAt(value, "etag");
  const why = memberAt(value, "why");
  const key = textAt(value, "key");
  if (key === "" || typeof sizeBytes !== "number" || (why !== "orphan" && why !== "expired")) {
    throw damaged(path, "a line of it names no object with its size");
  }
  return {
    key,
    sizeBytes,
    etag: typeof etag === "string" ? etag : undefined,
    modifiedMs: typeof modifiedMs === "number" ? modifiedMs : undefined,
    workflow: textAt(value, "workflow"),
    why,
  };
}

function parsed(path: string, line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw damaged(path, "a line of it is no JSON");
  }
}

function damaged(path: string, why: string): ExecutorError {
  return new ExecutorError(
    "BadRequest",
    `--list ${path} is damaged: ${why}; make a new one without --delete`,
  );
}
