import { readFile } from "node:fs/promises";
import { ExecutorError, errorText } from "../../errors/index.ts";
import { badFlag } from "./failure.ts";
import {
  isList,
  isObject,
  type Json,
  type JsonObject,
  memberOf,
  parseJson,
  textAt,
  writeJson,
} from "./json.ts";
import { readYaml } from "./yaml.ts";

/** An object of a manifest, or why there is none. */
export type ManifestObject = { readonly object: JsonObject } | { readonly error: unknown };

/** The text of a manifest, in words of the operating system where it cannot be read. */
export async function readManifestFile(path: string): Promise<string> {
  if (/^https?:/.test(path)) {
    throw badFlag(
      `-f ${path}: manifests are not fetched; hand the object over with manifestFrom and an HTTP artifact`,
    );
  }
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = {
      ENOENT: "no such file or directory",
      EACCES: "permission denied",
      EISDIR: "is a directory",
    }[code ?? ""];
    throw new ExecutorError("BadRequest", `open ${path}: ${why ?? errorText(cause)}`, { cause });
  }
}

/**
 * Every object of a manifest: of each document, and of each list in one. A document that cannot be parsed is the last
 * one; one that is no object leaves the others alone, as kubectl has it.
 */
export async function manifestObjects(
  text: string,
  path: string,
  checks: boolean,
): Promise<readonly ManifestObject[]> {
  const found: ManifestObject[] = [];
  for (const document of splitDocuments(text)) {
    let value: Json;
    try {
      value = await readDocument(document);
    } catch (error) {
      const what = `error parsing ${path}: error converting YAML to JSON`;
      return [...found, { error: ExecutorError.wrap(error, what) }];
    }
    if (value === null) continue;
    const problem = checks ? kindProblem(value, path) : undefined;
    if (problem) return [...found, { error: problem }];
    found.push(...flattened(value, path));
  }
  return found;
}

/** Lines of three dashes, with a comment at most, separate documents. */
function splitDocuments(text: string): readonly string[] {
  const unmarked = text.replace(/^\uFEFF/, "");
  return unmarked.split(/^---[ \t]*(?:#.*)?\r?$/m).filter((document) => document.trim() !== "");
}

async function readDocument(text: string): Promise<Json> {
  if (text.trimStart().startsWith("{")) {
    try {
      return parseJson(text);
    } catch {
      // A mapping of YAML in braces.
    }
  }
  return readYaml(text);
}

/** What kubectl's validation finds before any request. */
function kindProblem(value: Json, path: string): ExecutorError | undefined {
  const problems: string[] = [];
  if (!isObject(value)) problems.push("invalid object to validate");
  else {
    for (const name of ["apiVersion", "kind"]) {
      const member = memberOf(value, name) ?? null;
      if (member === null) problems.push(`${name} not set`);
      else if (typeof member !== "string") problems.push(`${name} isn't string type`);
    }
  }
  if (problems.length === 0) return undefined;
  const text = problems.length === 1 ? problems[0] : `[${problems.join(", ")}]`;
  return new ExecutorError(
    "BadRequest",
    `error validating ${JSON.stringify(path)}: error validating data: ${text}; if you choose to ignore these errors, ` +
      "turn validation off with --validate=false",
  );
}

function flattened(value: Json, path: string): readonly ManifestObject[] {
  const kind = textAt(value, "kind");
  if (!isObject(value) || kind === "") {
    const shown = writeJson(value);
    const text = `unable to decode ${JSON.stringify(path)}: Object 'Kind' is missing in '${shown.slice(0, 200)}'`;
    return [{ error: new ExecutorError("BadRequest", text) }];
  }
  const items = memberOf(value, "items");
  if (!isList(items)) return [{ object: value }];
  const itemKind = kind.replace(/List$/, "");
  const apiVersion = textAt(value, "apiVersion");
  return items.flatMap((item) => {
    // The items of a typed list need not say what they are.
    const isTyped = isObject(item) && textAt(item, "kind") === "" && itemKind !== "";
    return flattened(isTyped ? { apiVersion, kind: itemKind, ...item } : item, path);
  });
}
