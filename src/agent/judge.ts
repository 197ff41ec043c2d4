import { isUtf8 } from "node:buffer";
import type { Expression, Value } from "../../languages/expr/index.ts";
import { ExecutorError, errorText, fromLanguage } from "../errors/index.ts";
import type { Answer } from "./exchange.ts";
import { canonicalName } from "./http-request.ts";
import type { HttpTemplate } from "./http-template.ts";
import type { NodeResult } from "./tasks.ts";

/**
 * What an answer makes of the node: its `successCondition`, or a status of 2xx (docs/contract/roles.md#1.8). Throws
 * BadRequest with the node's message for a condition that cannot be evaluated.
 */
export async function judge(template: HttpTemplate, answer: Answer): Promise<NodeResult> {
  const outputs = { result: decodeText(answer.body, () => "\ufffd") };
  const { status } = answer;
  const condition = template.successCondition;
  if (condition === "") {
    if (status >= 200 && status < 300) return { phase: "Succeeded", outputs };
    return { phase: "Failed", message: `received non-2xx response code: ${status}`, outputs };
  }
  if (await meetsCondition(template, answer)) return { phase: "Succeeded", outputs };
  return { phase: "Failed", message: `successCondition '${condition}' evaluated false`, outputs };
}

/**
 * What one condition may spend. One that runs longer blocks all other nodes; one that makes more text or values takes a
 * share of the agent's memory that its responses need (its container has 256 MB).
 */
const limits = { timeMs: 1_000, textBytes: 48 * 1024 * 1024, values: 200_000 };

/**
 * Evaluates `successCondition` (docs/contract/expressions.md#0.2). Throws BadRequest with the node's message where it does
 * not compile, fails, or is no boolean.
 */
async function meetsCondition(template: HttpTemplate, answer: Answer): Promise<boolean> {
  const condition = template.successCondition;
  // Most templates have no condition; those that have one pay for the language.
  const { compileExpr, displayText, Header, List, nilList, typesOfEnv } = await import(
    "../../languages/expr/index.ts"
  );
  const list = (values: readonly string[]) => new List(values, "string");
  const sent = template.headers.filter(({ secret }) => secret === undefined);
  const request = new Map<string, Value>([
    ["method", template.method],
    ["url", template.url],
    ["body", template.body],
    ["bodyBytes", template.bodyBytes ?? nilList],
    ["headers", new Header(new Map(sent.map(({ name, value }) => [name, list([value])])))],
  ]);
  const headers = [...headerValues(answer.rawHeaders)].map(([name, values]) => [name, list(values)] as const);
  const response = new Map<string, Value>([
    ["statusCode", BigInt(answer.status)],
    // A byte that is not UTF-8 stands as U+DC00 + byte, the form of text in expressions.
    ["body", decodeText(answer.body, (byte) => String.fromCharCode(0xdc00 + byte))],
    ["headers", new Header(new Map(headers))],
  ]);
  const env = new Map<string, Value>([
    ["request", request],
    ["response", response],
  ]);
  let expression: Expression;
  try {
    expression = compileExpr(condition, typesOfEnv(env), limits);
  } catch (error) {
    throw fromLanguage(error);
  }
  let value: Value;
  try {
    value = expression.evaluate(env);
  } catch (error) {
    throw new ExecutorError(
      "BadRequest",
      `unable to evaluate expression '${condition}': ${errorText(error)}`,
      {
        cause: error,
      },
    );
  }
  if (typeof value === "boolean") return value;
  const shown = isText(value) ? displayText(value) : `%!s(${goType(value)}${displayText(value)})`;
  throw new ExecutorError("BadRequest", `unable to cast expression result '${shown}' to bool`);
}

/** Values by canonical name, in order. */
function headerValues(rawHeaders: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = canonicalName(rawHeaders[at] ?? "");
    // Node reads headers as Latin-1; what was sent was most likely UTF-8.
    const value = Buffer.from(rawHeaders[at + 1] ?? "", "latin1").toString("utf8");
    found.set(name, [...(found.get(name) ?? []), value]);
  }
  return found;
}

/** Values that Go's %s prints without its type. */
function isText(value: Value): boolean {
  return typeof value === "string" || (typeof value === "object" && value !== null);
}

/** What stands before the value in Go's %!s(int=200). */
function goType(value: Value): string {
  return typeof value === "bigint" ? "int=" : typeof value === "number" ? "float64=" : "";
}

/**
 * The text of a body: each byte that is not part of valid UTF-8 becomes what `replace` makes of it; a byte-order mark
 * stays (docs/contract/roles.md#1.8).
 */
function decodeText(bytes: Buffer, replace: (byte: number) => string): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let text = "";
  let from = 0;
  for (let at = 0; at < bytes.length; ) {
    const width = sequenceLength(bytes, at);
    if (width > 0) {
      at += width;
      continue;
    }
    text += bytes.toString("utf8", from, at) + replace(bytes[at] ?? 0);
    from = ++at;
  }
  return text + bytes.toString("utf8", from);
}

/** The length of the valid sequence at an offset, 0 where there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  const width =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (width === 0 || at + width > bytes.length) return 0;
  return width === 1 || isUtf8(bytes.subarray(at, at + width)) ? width : 0;
}
