import { ExecutorError, isExecutorError } from "../errors/index.ts";
import { anyString, type Parameter } from "../template/index.ts";
import type { OutputFiles } from "./output-files.ts";
import { withoutNewline } from "./result.ts";

/** A value larger than this cannot be stored in a task result, whatever else is in it. */
const valueBytesMax = 1_400_000;

export interface ReadParameters {
  /** All parameters in order; those that could not be read are without a value. */
  readonly parameters: readonly Parameter[];
  readonly errors: readonly Error[];
}

/**
 * Reads each output parameter that comes from a file; one that fails does not keep the others from being read
 * (docs/contract/pod.md#5.6 step 5, with docs/contract/pod.md#defect-19 mended).
 */
export async function readParameters(
  parameters: readonly Parameter[],
  filesFor: (path: string) => OutputFiles,
  signal: AbortSignal,
): Promise<ReadParameters> {
  const errors: Error[] = [];
  const read: Parameter[] = [];
  for (const parameter of parameters) {
    const { path } = parameter.valueFrom ?? {};
    if (!path) {
      read.push(parameter);
      continue;
    }
    try {
      read.push({ ...parameter, value: await readValue(parameter, path, filesFor(path), signal) });
    } catch (error) {
      errors.push(ExecutorError.wrap(error, `output parameter ${parameter.name}`));
      read.push(parameter);
    }
  }
  return { parameters: read, errors };
}

async function readValue(
  parameter: Parameter,
  path: string,
  files: OutputFiles,
  signal: AbortSignal,
): Promise<string> {
  try {
    return text(await files.readSmall(path, valueBytesMax, signal));
  } catch (error) {
    const fallback = parameter.valueFrom?.default;
    if (fallback === undefined || fallback === null || isExecutorError(error, "TooLarge")) throw error;
    return text(Buffer.from(anyString(fallback)));
  }
}

function text(bytes: Buffer): string {
  return withoutNewline(bytes).toString("utf8");
}

export function tooLarge(path: string, size: number, max: number): ExecutorError {
  return new ExecutorError(
    "TooLarge",
    `${path} is ${size} bytes, a parameter can hold ${max}: pass it as an output artifact`,
  );
}
