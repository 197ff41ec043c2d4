import { ExecutorError, errorText } from "../errors/index.ts";
import {
  checkShape,
  type Outputs,
  type Parameter,
  parseGoDuration,
  type Shape,
  type ValueOf,
} from "../template/index.ts";
import type { NodeResult, Phase } from "./tasks.ts";

/** A plugin's answer; without a node the task is not its own (docs/contract/roles.md#1.9). */
export interface PluginReply {
  /** Phase "": the plugin says nothing about it yet. */
  readonly node: (Omit<NodeResult, "phase"> & { readonly phase: Phase | "" }) | undefined;
  readonly requeueMs: number;
}

/** What a plugin may answer (docs/contract/roles.md#1.9); a null counts as absent. */
const replyShape = {
  fields: {
    node: {
      fields: {
        phase: "text",
        message: "text",
        progress: "text",
        outputs: {
          fields: {
            parameters: {
              listOf: {
                fields: {
                  name: "text",
                  value: "scalar",
                  default: "scalar",
                  enum: { listOf: "scalar" },
                  globalName: "text",
                  description: "text",
                  valueFrom: "object",
                },
              },
            },
            artifacts: { listOf: "object" },
            result: "text",
            exitCode: "text",
          },
        },
      },
    },
    requeue: "text",
  },
} as const satisfies Shape;

type Reply = ValueOf<typeof replyShape>;
type ReplyNode = NonNullable<Reply["node"]>;
type ReplyOutputs = NonNullable<ReplyNode["outputs"]>;
type ReplyParameter = NonNullable<ReplyOutputs["parameters"]>[number];

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
  checkShape(value, replyShape, "the plugin's reply");
  const { node, requeue } = value as Reply;
  return {
    node: node ? readNode(node) : undefined,
    requeueMs: isPresent(requeue) ? parseGoDuration(requeue, "requeue") : 0,
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

function readNode({ phase, message, progress, outputs }: ReplyNode): PluginReply["node"] {
  const known = phase ?? "";
  if (!phases.has(known)) {
    throw new ExecutorError(
      "BadRequest",
      `the plugin's reply: node.phase must be a phase such as Succeeded, not ${JSON.stringify(known)}`,
    );
  }
  return {
    phase: known as Phase | "",
    message: message ?? undefined,
    progress: progress ?? undefined,
    outputs: outputs ? readOutputs(outputs) : undefined,
  };
}

function readOutputs({ parameters, artifacts, result, exitCode }: ReplyOutputs): Outputs {
  return {
    ...(isPresent(parameters) && { parameters: parameters.map(readParameter) }),
    ...(isPresent(artifacts) && { artifacts: artifacts as unknown as NonNullable<Outputs["artifacts"]> }),
    ...(isPresent(result) && { result }),
    ...(isPresent(exitCode) && { exitCode }),
  };
}

/** `value`, `default`, `enum` and `valueFrom.default` may be numbers or booleans; task sets take text only. */
function readParameter(parameter: ReplyParameter): Parameter {
  const { name, value, globalName, description, valueFrom } = parameter;
  return {
    name: name ?? "",
    ...(isPresent(value) && { value: scalarText(value) }),
    ...(isPresent(parameter.default) && { default: scalarText(parameter.default) }),
    ...(isPresent(parameter.enum) && { enum: parameter.enum.map(scalarText) }),
    ...(isPresent(globalName) && { globalName }),
    ...(isPresent(description) && { description }),
    ...(isPresent(valueFrom) && {
      valueFrom: {
        ...valueFrom,
        ...(isPresent(valueFrom.default) && { default: scalarText(valueFrom.default) }),
      },
    }),
  };
}

/** Numbers in plain decimal, without exponent. */
function scalarText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (typeof value !== "number") {
    throw new ExecutorError(
      "BadRequest",
      "the plugin's reply: a parameter's default must be text or a number",
    );
  }
  const text = String(value);
  if (!text.includes("e")) return text;
  return Number.isInteger(value) ? BigInt(value).toString() : value.toFixed(20).replace(/0+$/, "");
}

function isPresent<T>(value: T | null | undefined): value is T & {} {
  return value !== undefined && value !== null;
}
