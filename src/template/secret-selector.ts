import { ExecutorError } from "../errors/index.ts";
import type { SecretSelector } from "./types.ts";

/**
 * The names in a selector, which stand in a template or a configuration: what is no name would be a path to other files.
 * Throws BadRequest naming the field; Kubernetes' own rule for the keys of a secret, of which its names are a part.
 */
export function checkSecretSelector({ name = "", key = "" }: SecretSelector): {
  readonly name: string;
  readonly key: string;
} {
  checkName("name", name);
  checkName("key", key);
  return { name, key };
}

function checkName(field: string, text: string): void {
  if (/^[-._a-zA-Z0-9]{1,253}$/.test(text) && text !== "." && !text.startsWith("..")) return;
  throw new ExecutorError(
    "BadRequest",
    `the ${field} of a secret selector must be letters, digits, "-", "_" and ".", not ${JSON.stringify(text)}`,
  );
}
