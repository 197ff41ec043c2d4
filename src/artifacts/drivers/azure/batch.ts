import { ExecutorError } from "../../../errors/index.ts";
import { partialError } from "./errors.ts";

/**
 * Reads the answer to a batch of deletions: one answer for each request, named by its number, in any order. Resolves to
 * those of the keys that are left, with the reason; a key without an answer is one of them.
 */
export function readBatchAnswer(text: string, keys: readonly string[]): ReadonlyMap<string, Error> {
  const statuses = new Map<number, ExecutorError | "deleted">();
  for (const part of text.split(/\r?\n--/)) {
    const id = /^content-id:\s*(\d+)\s*$/im.exec(part)?.[1];
    const status = Number(/^HTTP\/1\.1 (\d{3})/m.exec(part)?.[1]);
    if (id === undefined || Number.isNaN(status)) continue;
    const code = /^x-ms-error-code:\s*(\w+)/im.exec(part)?.[1] ?? "";
    const isDone = status === 202 || (status === 404 && code !== "ContainerNotFound");
    statuses.set(Number(id), isDone ? "deleted" : partialError(status, code));
  }
  const failures = new Map<string, Error>();
  for (const [index, key] of keys.entries()) {
    const outcome =
      statuses.get(index) ??
      new ExecutorError("Transient", "the store's answer does not say that it is deleted");
    if (outcome !== "deleted") failures.set(key, outcome);
  }
  return failures;
}
