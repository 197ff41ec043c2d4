import { ExecutorError } from "../errors/index.ts";
import type { Artifact, Outputs, Parameter } from "../template/index.ts";

/**
 * The outputs as the controller reads them: every field of the template's outputs, with values, result, and the
 * artifacts that were really saved; empty lists are left out (docs/contract/pod.md#6.2).
 */
export function composeOutputs(
  declared: Outputs,
  found: {
    readonly parameters: readonly Parameter[];
    readonly artifacts: readonly Artifact[];
    readonly result: string | undefined;
  },
): Outputs {
  const { parameters: _parameters, artifacts: _artifacts, ...rest } = declared;
  return {
    ...(found.parameters.length > 0 ? { parameters: found.parameters } : {}),
    ...(found.artifacts.length > 0 ? { artifacts: found.artifacts } : {}),
    ...rest,
    ...(found.result === undefined ? {} : { result: found.result }),
  };
}

/**
 * Takes the largest values out until the outputs fit into `bytesMax` as JSON, so that the rest is not lost with them.
 * Returns one TooLarge error naming each value that was left out.
 */
export function fitOutputs(
  outputs: Outputs,
  bytesMax: number,
): { outputs: Outputs; errors: readonly Error[] } {
  const errors: Error[] = [];
  let fitted = outputs;
  while (jsonBytes(fitted) > bytesMax) {
    const parameters = fitted.parameters ?? [];
    const [largest] = [...parameters].sort((a, b) => valueBytes(b) - valueBytes(a));
    if (largest === undefined || valueBytes(largest) <= 2) break;
    errors.push(
      new ExecutorError(
        "TooLarge",
        `output parameter ${largest.name} is ${valueBytes(largest)} bytes: all outputs of a node together must stay ` +
          `below ${bytesMax} bytes as JSON; pass large values as artifacts`,
      ),
    );
    const { value: _value, ...withoutValue } = largest;
    fitted = { ...fitted, parameters: parameters.map((one) => (one === largest ? withoutValue : one)) };
  }
  return { outputs: fitted, errors };
}

function valueBytes(parameter: Parameter): number {
  return parameter.value === undefined ? 0 : jsonBytes(parameter.value);
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
