import { readFile } from "node:fs/promises";
import type { ByteString } from "./byte-string.ts";

/** Names of users and groups by number, as `/etc/passwd` and `/etc/group` of this container have them. */
export interface Accounts {
  readonly users: ReadonlyMap<number, ByteString>;
  readonly groups: ReadonlyMap<number, ByteString>;
}

/** Reads both files; one that is missing or unreadable names nobody, as in an image without them. */
export async function readAccounts(): Promise<Accounts> {
  const [users, groups] = await Promise.all([readNames("/etc/passwd"), readNames("/etc/group")]);
  return { users, groups };
}

async function readNames(path: string): Promise<ReadonlyMap<number, ByteString>> {
  const names = new Map<number, ByteString>();
  const text = await readFile(path, "latin1").catch(() => "");
  for (const line of text.split("\n")) {
    const [name, , id] = line.split(":");
    if (name && id && /^[0-9]+$/.test(id) && !names.has(Number(id))) names.set(Number(id), name);
  }
  return names;
}
