import { ExecutorError } from "../errors/index.ts";
import { checkShape } from "./shape.ts";
import { templateShape } from "./template-shape.ts";
import type { Template } from "./types.ts";

/**
 * Checks whatever the executor reads of a template, so that everything behind can rely on its types. Throws BadRequest
 * naming the field, the accepted form and where the template came from.
 */
export function checkTemplate(value: unknown, source: string): Template {
  checkShape(value, templateShape, source);
  checkDependencies(value as Template, source);
  return value as Template;
}

/** A container that waits for itself, or for one that is not there, would wait without end. */
function checkDependencies({ containerSet }: Template, source: string): void {
  let waiting = containerSet?.containers ?? [];
  const names = new Set(waiting.map(({ name }) => name));
  for (const { name, dependencies } of waiting) {
    const unknown = dependencies?.find((one) => !names.has(one));
    if (unknown === undefined) continue;
    throw new ExecutorError(
      "BadRequest",
      `${source}: container ${name} depends on ${unknown}, which the container set does not have`,
    );
  }
  while (waiting.length > 0) {
    const held = new Set(waiting.map(({ name }) => name));
    const left = waiting.filter(({ dependencies }) => dependencies?.some((one) => held.has(one)));
    if (left.length === waiting.length) {
      const circle = left.map(({ name }) => name).join(", ");
      throw new ExecutorError("BadRequest", `${source}: containers wait for each other: ${circle}`);
    }
    waiting = left;
  }
}
