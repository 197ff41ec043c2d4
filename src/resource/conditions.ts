import { ExecutorError, errorText } from "../errors/index.ts";
import type { ResourceTemplate } from "../template/index.ts";

/** What a state of the object means for the step. Throws BadRequest where a failure condition holds. */
export type Judge = (text: string) => boolean;

/**
 * The conditions of a template, or undefined where nothing is waited for (docs/contract/roles.md#2.6). The failure condition
 * goes first, and each of its requirements fails the step on its own; all of the success condition's must hold.
 * Throws BadRequest for a condition that cannot be parsed.
 */
export async function readConditions({
  successCondition = "",
  failureCondition = "",
}: ResourceTemplate): Promise<Judge | undefined> {
  if (successCondition === "" && failureCondition === "") return undefined;
  const { matches, parseSelector, requirementText } = await import("../../languages/labels/index.ts");
  const parse = (which: string, text: string) => {
    try {
      return parseSelector(text);
    } catch (error) {
      throw new ExecutorError(
        "BadRequest",
        `${which} condition '${text}' failed to parse: ${errorText(error)}`,
      );
    }
  };
  const success = parse("success", successCondition);
  const failures = parse("fail", failureCondition);
  return (text) => {
    const failed = failures.find((requirement) => matches(requirement, text));
    if (failed) {
      throw new ExecutorError("BadRequest", `failure condition '${requirementText(failed)}' evaluated true`);
    }
    return success.every((requirement) => matches(requirement, text));
  };
}
