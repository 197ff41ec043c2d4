import { ExecutorError } from "../../errors/index.ts";

/** A moment in the life of a cluster, behind which the next run looks for what has changed. */
export interface Cursor {
  /** What the run was about; another errand must not go on from here. */
  readonly id: string;
  readonly takenAt: string;
  /** Resource versions by the paths of collections. */
  readonly versions: Readonly<Record<string, string>>;
}

const format = 1;

/** The cursor as people and scripts hand it on: one word, whose content is nobody's business. */
export function cursorText({ id, takenAt, versions }: Cursor): string {
  return Buffer.from(JSON.stringify({ format, id, takenAt, versions })).toString("base64url");
}

/** Reads what `cursorText` wrote. Throws BadRequest for anything else, and for a cursor of another errand. */
export function parseCursor(text: string, id: string): Cursor {
  const cursor = readCursor(text);
  if (cursor === undefined) {
    throw new ExecutorError(
      "BadRequest",
      `--since is "last", or the cursor that a report of sync run has; these ${text.length} characters are neither`,
    );
  }
  if (cursor.id === id) return cursor;
  throw new ExecutorError(
    "BadRequest",
    "--since names a cursor of another source, target, cluster or selection; use the one that a run with these arguments left",
  );
}

function readCursor(text: string): Cursor | undefined {
  let value: Partial<Record<string, unknown>> | null;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString()) as typeof value;
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || value.format !== format) return undefined;
  const { id, takenAt, versions } = value;
  if (typeof id !== "string" || typeof takenAt !== "string") return undefined;
  if (typeof versions !== "object" || versions === null) return undefined;
  const areTexts = Object.values(versions).every((each) => typeof each === "string" && each !== "");
  return areTexts ? { id, takenAt, versions: versions as Record<string, string> } : undefined;
}
