import { ExecutorError, errorText } from "../errors/index.ts";
import { type Outputs, type Parameter, parseGoDuration } from "../template/index.ts";
import { isRecord, type NodeResult, type Phase } from "./tasks.ts";

/** A plugin's answer; without a node the task is not its own (docs/contract/roles.md#1.9). */
export interface PluginReply {
  /** Phase "": the plugin says nothing about it yet. */
  readonly node: (Omit<NodeResult, "phase"> & { readonly phase: Phase | "" }) | undefined;
  readonly requeueMs: number;
}

type Fields = Readonly<Record<string, unknown>>;

const phases: ReadonlySet<unknown> = new Set([
  "",
  "Pending",
  "Running",
  "Succeeded",
  "Skipped",
  "Failed",
  "Error",
  "Omitted",
]);

/**
 * Reads an answer through typed fields: what the API server would not take is no part of the result, and scalars of
 * parameters become text. Throws BadRequest for wrong types, Transient for a body that was cut off.
 */
export function readPluginReply(body: string): PluginReply {
  const value = parse(body);
  if (value === null) return { node: undefined, requeueMs: 0 };
  if (!isRecord(value)) throw wrongType("the reply", "an object");
  const { node, requeue } = value;
  return {
    node: node === undefined || node === null ? undefined : readNode(node),
    requeueMs:
      requeue === undefined || requeue === null ? 0 : parseGoDuration(string(requeue, "requeue"), "requeue"),
  };
}

function parse(body: string): unknown {
  if (body.trim() === "") throw new ExecutorError("BadRequest", "EOF");
  try {
    return JSON.parse(body);
  } catch (cause) {
    if (isCutOff(body)) {
      throw new ExecutorError("Transient", "unexpected EOF", { cause });
    }
    throw new ExecutorError("BadRequest", `the plugin's reply is not JSON: ${errorText(cause)}`, { cause });
  }
}

/** A text that ends inside of something that it began. */
function isCutOff(body: string): boolean {
  const outside = body.replaceAll(/"(?:[^"\\]|\\[\s\S])*"/g, "");
  const count = (brackets: RegExp) => outside.match(brackets)?.length ?? 0;
  return outside.includes('"') || count(/[[{]/g) > count(/[\]}]/g);
}

function readNode(value: unknown): PluginReply["node"] {
  if (!isRecord(value)) throw wrongType("node", "an object");
  const { phase = "", outputs } = value;
  if (!phases.has(phase)) {
    throw new ExecutorError(
      "BadRequest",
      `node.phase of the plugin's reply must be a phase such as Succeeded, not ${JSON.stringify(phase)}`,
    );
  }
  return {
    phase: phase as Phase | "",
    message: optionalString(value.message, "node.message"),
    progress: optionalString(value.progress, "node.progress"),
    outputs: outputs === undefined || outputs === null ? undefined : readOutputs(outputs),
  };
}

function readOutputs(value: unknown): Outputs {
  if (!isRecord(value)) throw wrongType("node.outputs", "an object");
  const { parameters, artifacts } = value;
  return {
    ...(isPresent(parameters) && { parameters: list(parameters, "parameters").map(readParameter) }),
    ...(isPresent(artifacts) && {
      artifacts: list(artifacts, "artifacts") as unknown as NonNullable<Outputs["artifacts"]>,
    }),
    ...(isPresent(value.result) && { result: string(value.result, "node.outputs.result") }),
    ...(isPresent(value.exitCode) && { exitCode: string(value.exitCode, "node.outputs.exitCode") }),
  };
}

/** `value`, `default`, `enum` and `valueFrom.default` may be numbers or booleans; task sets take text only. */
function readParameter(value: Fields): Parameter {
  const { name, globalName, description, valueFrom } = value;
  const source = isRecord(valueFrom) ? valueFrom : undefined;
  return {
    name: string(name ?? "", "parameters[].name"),
    ...(isPresent(value.value) && { value: scalarText(value.value) }),
    ...(isPresent(value.default) && { default: scalarText(value.default) }),
    ...(Array.isArray(value.enum) && { enum: value.enum.map(scalarText) }),
    ...(isPresent(globalName) && { globalName: string(globalName, "parameters[].globalName") }),
    ...(isPresent(description) && { description: string(description, "parameters[].description") }),
    ...(source && {
      valueFrom: { ...source, ...(isPresent(source.default) && { default: scalarText(source.default) }) },
    }),
  };
}

/** Numbers in plain decimal, without exponent. */
function scalarText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (typeof value !== "number") throw wrongType("a parameter's value", "text, a number or a boolean");
  const text = String(value);
  if (!text.includes("e")) return text;
  return Number.isInteger(value) ? BigInt(value).toString() : value.toFixed(20).replace(/0+$/, "");
}

function list(value: unknown, name: string): readonly Fields[] {
  if (Array.isArray(value) && value.every(isRecord)) return value;
  throw wrongType(`node.outputs.${name}`, "a list of objects");
}

function optionalString(value: unknown, name: string): string | undefined {
  return isPresent(value) ? string(value, name) : undefined;
}

function string(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw wrongType(name, "text");
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function wrongType(name: string, type: string): ExecutorError {
  return new ExecutorError("BadRequest", `${name} of the plugin's reply must be ${type}`);
}
