import { isDeepStrictEqual } from "node:util";

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** RFC 7386: null removes, objects merge, everything else replaces. Neither argument is changed. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const merged = new Map(Object.entries(isFields(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}

/** A JSON Patch that does not fit the document; Kubernetes answers 422. */
export class PatchError extends Error {}

/** RFC 6902 in order, all or nothing. The target is not changed. */
export function jsonPatch(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) throw new PatchError("a JSON patch is an array of operations");
  return operations.reduce<unknown>(applyOperation, structuredClone(target));
}

function applyOperation(document: unknown, operation: unknown): unknown {
  if (!isFields(operation)) throw new PatchError("an operation is an object");
  const path = readPointer(operation.path);
  switch (operation.op) {
    case "add":
      return add(document, path, structuredClone(operation.value));
    case "remove":
      return remove(document, path);
    case "replace":
      read(document, path);
      return path.length === 0 ? operation.value : replace(document, path, structuredClone(operation.value));
    case "move": {
      const from = readPointer(operation.from);
      const value = read(document, from);
      return add(remove(document, from), path, value);
    }
    case "copy":
      return add(document, path, structuredClone(read(document, readPointer(operation.from))));
    case "test":
      if (isDeepStrictEqual(read(document, path), operation.value)) return document;
      throw new PatchError(`test of ${String(operation.path)} failed`);
    default:
      throw new PatchError(`unknown operation ${String(operation.op)}`);
  }
}

/** RFC 6901. */
function readPointer(text: unknown): string[] {
  if (typeof text !== "string" || (text !== "" && !text.startsWith("/"))) {
    throw new PatchError(`${String(text)} is no JSON pointer`);
  }
  return text
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function read(document: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, token) => {
    if (Array.isArray(value)) return value[arrayIndex(value, token, value.length - 1)];
    if (isFields(value) && Object.hasOwn(value, token)) return value[token];
    throw new PatchError(`there is no ${token} in the document`);
  }, document);
}

function arrayIndex(array: readonly unknown[], token: string, max: number): number {
  if (!/^(0|[1-9]\d*)$/.test(token) || Number(token) > max) {
    throw new PatchError(`${token} is no index of an array of ${array.length}`);
  }
  return Number(token);
}

function add(document: unknown, path: readonly string[], value: unknown): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = read(document, path.slice(0, -1));
  if (Array.isArray(parent)) {
    parent.splice(last === "-" ? parent.length : arrayIndex(parent, last, parent.length), 0, value);
  } else setField(parent, last, value);
  return document;
}

function replace(document: unknown, path: readonly string[], value: unknown): unknown {
  const last = path.at(-1) ?? "";
  const parent = read(document, path.slice(0, -1));
  if (Array.isArray(parent)) parent[Number(last)] = value;
  else setField(parent, last, value);
  return document;
}

function remove(document: unknown, path: readonly string[]): unknown {
  read(document, path);
  const last = path.at(-1);
  if (last === undefined) return null;
  const parent = read(document, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete (parent as Record<string, unknown>)[last];
  return document;
}

function setField(parent: unknown, name: string, value: unknown): void {
  if (!isFields(parent)) throw new PatchError(`${name} cannot be added to a value that is no object`);
  // Unlike an assignment, this makes a field of `__proto__` too.
  Object.defineProperty(parent, name, { value, writable: true, enumerable: true, configurable: true });
}
