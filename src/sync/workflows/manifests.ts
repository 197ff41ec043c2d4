import { readFile } from "node:fs/promises";
import { ExecutorError, errorText } from "../../errors/index.ts";
import { listAt, textAt } from "./json.ts";
import { readWorkflow } from "./read-workflow.ts";
import type { WorkflowRecord } from "./workflow.ts";

/**
 * The workflows of a file of manifests: YAML or JSON, one or many documents, lists of any kind. Other kinds are passed
 * over. Throws BadRequest for a document that cannot be read, and for a file without any manifest.
 */
export async function* manifestWorkflows(path: string): AsyncGenerator<WorkflowRecord> {
  let found = 0;
  for (const document of await readDocuments(path)) {
    for (const manifest of flattened(document)) {
      if (textAt(manifest, "kind") === "") {
        throw new ExecutorError(
          "BadRequest",
          `${path}: document ${found + 1} is no manifest: it has no kind`,
        );
      }
      found += 1;
      if (textAt(manifest, "kind") !== "Workflow") continue;
      const workflow = await readWorkflow(manifest, "file");
      if (workflow.name === "") {
        throw new ExecutorError("BadRequest", `${path}: a Workflow has no metadata.name`);
      }
      yield workflow;
    }
  }
  if (found === 0) throw new ExecutorError("BadRequest", `${path} holds no manifest`);
}

async function readDocuments(path: string): Promise<readonly unknown[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new ExecutorError("NotFound", `${path} cannot be read: ${errorText(cause)}`, { cause });
  }
  try {
    // Tens of megabytes of JSON are no rarity, and YAML's parser would take a minute for them.
    if (/^\s*[{[]/.test(text)) return [JSON.parse(text)];
  } catch {
    // Flow style YAML, or several documents: the parser of YAML reads both.
  }
  const { parseAllDocuments } = await import("yaml");
  const documents = parseAllDocuments(text, { maxAliasCount: 1000 } as object);
  return [...documents].flatMap((document) => {
    const [problem] = document.errors;
    if (problem) throw new ExecutorError("BadRequest", `${path}: ${problem.message.split("\n", 1)[0]}`);
    const value: unknown = document.toJS({ maxAliasCount: 1000 });
    return value === null || value === undefined ? [] : [value];
  });
}

function flattened(document: unknown): readonly unknown[] {
  if (Array.isArray(document)) return document.flatMap(flattened);
  return textAt(document, "kind").endsWith("List")
    ? listAt(document, "items").flatMap(flattenedItem)
    : [document];
}

/** Items of a typed list may leave their kind out. */
function flattenedItem(item: unknown): readonly unknown[] {
  return textAt(item, "kind") === "" && typeof item === "object"
    ? [{ ...item, kind: "Workflow" }]
    : flattened(item);
}
