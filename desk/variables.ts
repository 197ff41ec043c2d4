import { ExecutorError, errorText } from "../src/errors/index.ts";

/** Names and values of `{{...}}`. */
export type Variables = ReadonlyMap<string, string>;

/**
 * Replaces `{{name}}` and `{{=expression}}` in every text of a template, as the controller does before it makes the pod.
 * Throws BadRequest naming every variable that nobody has given a value.
 */
export async function substitute<T>(value: T, variables: Variables): Promise<T> {
  const unknown = new Set<string>();
  const replaced = await walk(value, (text) => substituteText(text, variables, unknown));
  if (unknown.size === 0) return replaced as T;
  const names = [...unknown];
  throw new ExecutorError(
    "BadRequest",
    `no value for ${names.map((name) => `{{${name}}}`).join(", ")}: give ${names.length > 1 ? "them" : "one"}, ` +
      `such as --param ${names[0]?.replace(/^inputs\.parameters\./, "")}=VALUE`,
  );
}

async function walk(value: unknown, change: (text: string) => Promise<string>): Promise<unknown> {
  if (typeof value === "string") return value.includes("{{") ? change(value) : value;
  if (Array.isArray(value)) return Promise.all(value.map((item) => walk(item, change)));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(async ([key, item]) => [key, await walk(item, change)]);
  return Object.fromEntries(await Promise.all(entries));
}

const tag = /\{\{(=?)([\s\S]*?)\}\}/g;

async function substituteText(text: string, variables: Variables, unknown: Set<string>): Promise<string> {
  const results: string[] = [];
  for (const [, isExpression, content = ""] of text.matchAll(tag)) {
    const name = content.trim();
    if (isExpression) {
      results.push(await evaluate(name, variables));
      continue;
    }
    const value = variables.get(name);
    if (value === undefined) unknown.add(name);
    results.push(value ?? "");
  }
  return text.replace(tag, () => results.shift() ?? "");
}

/** Variables as nested objects: `inputs.parameters.day` is `{"inputs": {"parameters": {"day": …}}}`. */
async function evaluate(expression: string, variables: Variables): Promise<string> {
  const { compileExpr, displayText, environmentOf, parseTree, typesOfEnv } = await import(
    "../languages/expr/index.ts"
  );
  const root: Record<string, unknown> = {};
  for (const [name, value] of variables) place(root, name.split("."), value);
  try {
    const env = environmentOf(parseTree(JSON.stringify(root)));
    return displayText(compileExpr(expression, typesOfEnv(env)).evaluate(env));
  } catch (error) {
    throw new ExecutorError("BadRequest", `{{=${expression}}}: ${errorText(error)}`, { cause: error });
  }
}

function place(
  target: Record<string, unknown>,
  [first = "", ...rest]: readonly string[],
  value: string,
): void {
  if (rest.length === 0) {
    // `inputs.parameters` is a JSON text of its own beside the single ones; in expressions the single ones count.
    if (typeof target[first] !== "object") target[first] = value;
    return;
  }
  if (typeof target[first] !== "object") target[first] = {};
  place(target[first] as Record<string, unknown>, rest, value);
}
