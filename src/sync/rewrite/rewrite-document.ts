import { gunzipSync, gzipSync } from "node:zlib";
import { errorText } from "../../errors/index.ts";
import { type JsonObject, memberAt, objectAt, textAt } from "../workflows/index.ts";
import { type LocationMap, movable } from "./location-map.ts";

/** An operation of RFC 6902. */
export interface PatchOperation {
  readonly op: "test" | "replace" | "remove" | "add";
  readonly path: string;
  readonly value?: unknown;
}

/** What a map does to a document. */
export interface Rewriting {
  /** Empty: nothing is to be changed. Each change is preceded by a test that the old value is there. */
  readonly operations: readonly PatchOperation[];
  /** How many locations change. */
  readonly count: number;
  /** Why some of it cannot be seen; undefined: all was. */
  readonly unseen: string | undefined;
}

const depthMax = 64;
const inflatedBytesMax = 512 * 1024 * 1024;

/** Finds every location in a workflow or template that the map is about, compressed nodes included. */
export function rewriting(document: unknown, map: LocationMap): Rewriting {
  const operations: PatchOperation[] = [];
  let count = walk(document, "", map, operations, 0);
  let unseen: string | undefined;
  const compressed = textAt(document, "status", "compressedNodes");
  if (compressed !== "") {
    try {
      const nodes: unknown = JSON.parse(inflated(compressed));
      const inside: PatchOperation[] = [];
      count += walk(nodes, "", map, inside, 0);
      if (inside.length > 0) operations.push(...compressedChange(compressed, patched(nodes, inside)));
    } catch (error) {
      unseen = `its compressed nodes cannot be read: ${errorText(error)}`;
    }
  }
  const isOffloaded = textAt(document, "status", "offloadNodeStatusVersion") !== "";
  if (isOffloaded && Object.keys(objectAt(document, "status", "nodes")).length === 0) {
    unseen = "its nodes are offloaded to the controller's database";
  }
  return { operations, count, unseen };
}

/** The document with the operations applied; the given one stays as it is. */
export function patched(document: unknown, operations: readonly PatchOperation[]): unknown {
  const copy = structuredClone(document);
  for (const { op, path, value } of operations) {
    if (op === "test") continue;
    const names = path.slice(1).split("/").map(unescaped);
    const last = names.pop() ?? "";
    let at = copy as Record<string, unknown>;
    for (const name of names) at = at[name] as Record<string, unknown>;
    if (op === "remove") delete at[last];
    else at[last] = value;
  }
  return copy;
}

function walk(
  value: unknown,
  path: string,
  map: LocationMap,
  operations: PatchOperation[],
  depth: number,
): number {
  if (typeof value !== "object" || value === null || depth > depthMax) return 0;
  let count = 0;
  for (const [name, member] of Object.entries(value)) {
    const at = `${path}/${escaped(name)}`;
    const isLocation =
      movable.some((type) => type === name) && !Array.isArray(value) && typeof member === "object";
    const moved = isLocation && member !== null ? map.moved(name, member as JsonObject) : undefined;
    if (!moved) {
      count += walk(member, at, map, operations, depth + 1);
      continue;
    }
    count += 1;
    operations.push({ op: "test", path: at, value: member });
    if (moved.type === name) operations.push({ op: "replace", path: at, value: moved.location });
    else {
      operations.push({ op: "remove", path: at });
      operations.push({ op: "add", path: `${path}/${moved.type}`, value: moved.location });
    }
  }
  return count;
}

function compressedChange(old: string, nodes: unknown): readonly PatchOperation[] {
  const path = "/status/compressedNodes";
  const value = gzipSync(JSON.stringify(nodes)).toString("base64");
  return [
    { op: "test", path, value: old },
    { op: "replace", path, value },
  ];
}

function inflated(base64: string): string {
  const bytes = gunzipSync(Buffer.from(base64, "base64"), { maxOutputLength: inflatedBytesMax });
  return bytes.toString("utf8");
}

function escaped(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

function unescaped(name: string): string {
  return name.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** The identity that a patch insists on: a workflow of the same name that was made since is another one. */
export function identityTest(document: unknown): PatchOperation {
  return { op: "test", path: "/metadata/uid", value: memberAt(document, "metadata", "uid") };
}
