import { joinKey } from "../../template/index.ts";
import { type FormatPart, formatParts, wholeNameMax } from "./tags.ts";

/** `s3.keyFormat` where a repository has none (the controller's default). */
export const defaultKeyFormat = "{{workflow.name}}/{{pod.name}}";

/** A workflow that a key may have been made for, as far as the key tells. */
export interface KeyOwner {
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly uid: string | undefined;
}

/** Keys of a format, and whose they are. */
export interface KeyFormat {
  readonly text: string;
  /** True where a key tells its workflow, if only by the name of a pod. */
  readonly namesWorkflows: boolean;
  /** True where a key tells the namespace. */
  readonly namesNamespaces: boolean;
  /**
   * Every workflow that the key may have been made for, most probable first; undefined: the key has not this format.
   * "any": there are more readings of it than are worth looking at.
   */
  ownersOf(key: string): readonly KeyOwner[] | "any" | undefined;
}

/** What the value of a tag may look like; anything where it is not known. */
const domains: Readonly<Record<string, RegExp>> = {
  "workflow.name": /^[a-z0-9][a-z0-9.-]{0,252}$/,
  "workflow.namespace": /^[a-z0-9][a-z0-9-]{0,62}$/,
  "workflow.uid": /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  "pod.name": /^[a-z0-9][a-z0-9.-]{0,252}$/,
  "workflow.creationTimestamp.Y": /^\d{4}$/,
  "workflow.creationTimestamp.m": /^\d{2}$/,
  "workflow.creationTimestamp.d": /^\d{2}$/,
  "workflow.creationTimestamp.H": /^\d{2}$/,
  "workflow.creationTimestamp.M": /^\d{2}$/,
  "workflow.creationTimestamp.S": /^\d{2}$/,
};
const readingsMax = 64;
/** A key of nothing but slashes has more ways to be read than anyone can wait for. */
const stepsMax = 20_000;

/** Prepares a format for reading keys; the controller joins it with the file's name, which cleans it. */
export function keyFormat(format: string): KeyFormat {
  const text = joinKey(format);
  const parts = formatParts(text);
  const tags = new Set(parts.flatMap((part) => ("tag" in part ? [part.tag] : [])));
  return {
    text,
    namesWorkflows: ["workflow.name", "workflow.uid", "pod.name"].some((tag) => tags.has(tag)),
    namesNamespaces: tags.has("workflow.namespace"),
    ownersOf: (key) => ownersOf(parts, key),
  };
}

function ownersOf(parts: readonly FormatPart[], key: string): readonly KeyOwner[] | "any" | undefined {
  const reader = new KeyReader(parts);
  if (!reader.read(0, key, new Map())) return "any";
  if (reader.readings.length === 0) return undefined;
  return reader.readings.flatMap(ownersOfReading);
}

type Values = ReadonlyMap<string, string>;

/** Finds every way to read a key as the parts of a format, followed by a file's name. */
class KeyReader {
  readonly readings: Values[] = [];
  readonly #parts: readonly FormatPart[];
  #steps = 0;

  constructor(parts: readonly FormatPart[]) {
    this.#parts = parts;
  }

  /** Reads `rest` as the parts from `index` on. False: given up. */
  read(index: number, rest: string, values: Values): boolean {
    if (++this.#steps > stepsMax) return false;
    const part = this.#parts[index];
    if (part === undefined) {
      if (rest.startsWith("/") && rest.length > 1) this.readings.push(values);
      return this.readings.length < readingsMax;
    }
    const bound = "literal" in part ? part.literal : values.get(part.tag);
    if (bound !== undefined) {
      return !rest.startsWith(bound) || this.read(index + 1, rest.slice(bound.length), values);
    }
    return "literal" in part || this.#readTag(part.tag, index, rest, values);
  }

  #readTag(tag: string, index: number, rest: string, values: Values): boolean {
    const next = this.#parts[index + 1];
    const stop = next === undefined ? "/" : "literal" in next ? next.literal : "";
    for (let end = rest.indexOf(stop, 1); end >= 1; end = rest.indexOf(stop, end + 1)) {
      if (++this.#steps > stepsMax) return false;
      const value = rest.slice(0, end);
      if (isPossible(tag, value, values)) {
        if (!this.read(index + 1, rest.slice(end), new Map(values).set(tag, value))) return false;
      }
      // Where nothing separates two tags, the search for nothing would stay at the end.
      if (end === rest.length) break;
    }
    return true;
  }
}

function isPossible(tag: string, value: string, values: Values): boolean {
  if (domains[tag]?.test(value) === false) return false;
  const name = values.get("workflow.name");
  if (tag !== "pod.name" || name === undefined || name.length > wholeNameMax) return true;
  return value === name || value.startsWith(`${name}-`);
}

/** Where a key holds no more than the name of a pod, its workflow's name is any beginning of that. */
function ownersOfReading(values: Values): KeyOwner[] {
  const owner = {
    namespace: values.get("workflow.namespace"),
    name: values.get("workflow.name"),
    uid: values.get("workflow.uid"),
  };
  const pod = values.get("pod.name");
  if (owner.name !== undefined || owner.uid !== undefined || pod === undefined) return [owner];
  const names = [pod];
  for (let dash = pod.lastIndexOf("-"); dash > 0; dash = pod.lastIndexOf("-", dash - 1))
    names.push(pod.slice(0, dash));
  return [...names.filter((name) => name !== pod), pod].map((name) => ({ ...owner, name }));
}
