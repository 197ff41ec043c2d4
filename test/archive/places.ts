import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** An empty folder of the test's own. */
export async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "archive-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Collects warnings in `messages`. */
export function listener(): { readonly messages: string[]; warn(message: string): void } {
  const messages: string[] = [];
  return { messages, warn: (message) => messages.push(message) };
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The same bytes in chunks of this size. */
export async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}
