/** Evaluates cases line by line: JSON in, JSON out, in order, whatever a single line holds. */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { LanguageError, messageOf } from "../errors/index.ts";
import { type JsonTree, memberOf, parseTree, treeText } from "../text/json-tree.ts";
import { quoteJsonPlain } from "../text/quote.ts";
import { type EvaluationRequest, evaluate, type Language, languageOf } from "./evaluate.ts";

/**
 * Reads cases (docs/contract/expressions.md#7) until `input` ends; writes `{"id": …, "value": …}` or
 * `{"id": …, "error": "…"}` for each line that is not blank. Keeps one line in memory at a time.
 */
export async function evaluateBatch(input: Readable, output: Writable, timeMs: number): Promise<void> {
  let pending = "";
  for await (const { line, isLast } of linesOf(input)) {
    if (line.trim() !== "") pending += `${await answer(line, timeMs)}\n`;
    if (pending === "" || (pending.length < chunkChars && !isLast)) continue;
    if (!output.write(pending)) await once(output, "drain");
    pending = "";
  }
}

/** Lines end at a line feed only, for JSON may hold other separators; `isLast` says that no further one has come. */
async function* linesOf(
  input: Readable,
): AsyncGenerator<{ readonly line: string; readonly isLast: boolean }, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of input) {
    const text = rest + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }));
    const lines = text.split("\n");
    rest = lines.pop() ?? "";
    for (const [i, line] of lines.entries()) yield { line, isLast: i === lines.length - 1 };
  }
  yield { line: rest + decoder.decode(), isLast: true };
}

/** Answers are written in chunks of about this many characters while more input waits. */
const chunkChars = 64 * 1024;

async function answer(line: string, timeMs: number): Promise<string> {
  let id = "null";
  try {
    const tree = parseTree(line.replace(/,\s*$/, ""));
    id = treeText(memberOf(tree, "id") ?? null);
    const { language, request } = requestOf(tree, timeMs);
    return `{"id":${id},"value":${await evaluate(language, request)}}`;
  } catch (error) {
    return `{"id":${id},"error":${quoteJsonPlain(messageOf(error))}}`;
  }
}

function requestOf(tree: JsonTree, timeMs: number): { language: Language; request: EvaluationRequest } {
  const language = languageOf(textMember(tree, "lang") ?? "expr");
  const expr = textMember(tree, "expr");
  if (expr === undefined)
    throw new LanguageError("syntax", 'a case needs the member "expr" with the expression');
  // A case without the member has an empty environment; null is a value.
  const env = memberOf(tree, "env");
  const typed = memberOf(tree, "typed");
  const envText = textMember(tree, "envText");
  return {
    language,
    request: {
      expr,
      env: env === undefined ? new Map() : env,
      timeMs,
      ...(typed instanceof Map && { typed: new Map([...typed].map(([path, type]) => [path, String(type)])) }),
      ...(envText !== undefined && { envText }),
    },
  };
}

function textMember(tree: JsonTree, name: string): string | undefined {
  const value = memberOf(tree, name);
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw new LanguageError("syntax", `the member "${name}" of a case must be a string`);
}
