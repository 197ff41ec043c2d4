import { ExecutorError, errorCode, errorText } from "../../errors/index.ts";
import { type Refusal, refusalOf } from "../../kube/index.ts";

/**
 * What kubectl prints for an error (docs/contract/roles.md#2.5): users search for these texts, and some have a line break at
 * their end.
 */
export function kubectlText(error: unknown): string {
  const several = error instanceof ExecutorError ? error.cause : undefined;
  if (several instanceof Failures) {
    const [only, ...more] = several.errors;
    if (more.length === 0) return kubectlText(only);
    return several.errors.map((each) => `${standardText(each) ?? errorText(each)}\n`).join("");
  }
  const refusal = refusalOf(error);
  if (refusal?.reason === "Invalid") return invalidText(refusal);
  return standardText(error) ?? `error: ${errorText(error).replace(/^error: /, "")}`;
}

function standardText(error: unknown): string | undefined {
  const refusal = refusalOf(error);
  if (refusal?.reason === "Unauthorized") {
    return `error: You must be logged in to the server (${refusal.message})`;
  }
  if (refusal) {
    const reason = refusal.reason === "" ? "" : ` (${refusal.reason})`;
    return `Error from server${reason}: ${refusal.message}`;
  }
  return connectionText(error);
}

function invalidText({ details, message }: Refusal): string {
  const { kind = "", name = "", causes = [] } = details ?? {};
  const isNamed = kind !== "" || name !== "";
  const subject = isNamed ? `The ${kind} ${JSON.stringify(name)} is invalid` : "The request is invalid";
  if (causes.length === 0) return isNamed || message === "" ? subject : `${subject}: ${message}`;
  const texts = [...new Set(causes.map((cause) => `${cause.field ?? ""}: ${cause.message ?? ""}`))];
  const [only = ""] = texts;
  if (texts.length === 1) return `${subject}: ${only}\n`;
  return [`${subject}: `, ...texts.map((text) => `* ${text}`), ""].join("\n");
}

/** No answer came: the error that Node gave is somewhere below. */
function connectionText(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code, address, port } = at as NodeJS.ErrnoException & { address?: string; port?: number };
    if (code === "ECONNREFUSED") {
      return `The connection to the server ${address}:${port} was refused - did you specify the right host or port?`;
    }
    if (code !== undefined && !(at instanceof ExecutorError))
      return `Unable to connect to the server: ${at.message}`;
  }
  return undefined;
}

/** Says where the object came from: `error when creating "/tmp/manifest.yaml": …`. */
export function withSource(verb: string, source: string, error: unknown): unknown {
  if (source === "" || errorCode(error) === "Cancelled") return error;
  const refusal = refusalOf(error);
  const during = `error when ${verb} ${JSON.stringify(source)}`;
  return refusal ? reworded(error, `${during}: ${refusal.message}`) : ExecutorError.wrap(error, during);
}

/** The same refusal, with another message of the server. */
export function reworded(error: unknown, message: string): ExecutorError {
  const refusal = refusalOf(error);
  return new ExecutorError(errorCode(error), message, { cause: refusal?.reworded(message) ?? error });
}

/** What went wrong with several objects, each of which was tried. */
class Failures {
  readonly errors: readonly unknown[];

  constructor(errors: readonly unknown[]) {
    this.errors = errors;
  }
}

/** Throws what was collected, one error or all of them in one; nothing where nothing was. */
export function throwCollected(errors: readonly unknown[]): void {
  const [first, ...more] = errors;
  if (first === undefined) return;
  if (more.length === 0) throw first;
  const text = errors.map(errorText).join("\n");
  throw new ExecutorError(errorCode(first), text, { cause: new Failures(errors) });
}

export function badFlag(message: string): ExecutorError {
  return new ExecutorError("BadRequest", message);
}
