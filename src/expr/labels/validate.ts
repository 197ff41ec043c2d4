/** What label keys and values may look like (contract expressions.md 3.3), with the messages of Kubernetes. */
import { ExecutorError } from "../../errors/index.ts";
import { byteLength } from "../text/byte-text.ts";
import { fitsInt64 } from "../text/numbers.ts";
import { quoteGo } from "../text/quote.ts";

const NAME_MAX = 63;
const PREFIX_MAX = 253;
const NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const CHARACTERS =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const NAME_RULE = `${CHARACTERS} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`;
const VALUE_RULE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end " +
  "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is " +
  "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const SUBDOMAIN_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and " +
  "end with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
  "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/** Throws BadRequest with all that is wrong with a key. */
export function checkKey(key: string): void {
  const problems = keyProblems(key);
  if (problems.length > 0) throw invalid("<nil>", key, problems);
}

/** `place` is what messages call the value, such as `values[0][status.phase]`. Throws BadRequest. */
export function checkValue(value: string, place: string): void {
  const problems: string[] = [];
  if (byteLength(value) > NAME_MAX) problems.push(`must be no more than ${NAME_MAX} bytes`);
  if (value !== "" && !NAME.test(value)) problems.push(VALUE_RULE);
  if (problems.length > 0) throw invalid(place, value, problems);
}

/** A 64-bit decimal integer with an optional sign. */
export function integerOf(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ""));
  return fitsInt64(value) ? value : undefined;
}

function keyProblems(key: string): string[] {
  const parts = key.split("/");
  const problems: string[] = [];
  const [first = "", second] = parts;
  if (parts.length > 2) {
    return [
      `a qualified name ${NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = second ?? first;
  if (second !== undefined) {
    if (first === "") problems.push("prefix part must be non-empty");
    else {
      if (byteLength(first) > PREFIX_MAX)
        problems.push(`prefix part must be no more than ${PREFIX_MAX} bytes`);
      if (!SUBDOMAIN.test(first)) problems.push(`prefix part ${SUBDOMAIN_RULE}`);
    }
  }
  if (name === "") problems.push("name part must be non-empty");
  else if (byteLength(name) > NAME_MAX) problems.push(`name part must be no more than ${NAME_MAX} bytes`);
  if (!NAME.test(name)) problems.push(`name part ${NAME_RULE}`);
  return problems;
}

function invalid(place: string, value: string, problems: readonly string[]): ExecutorError {
  const detail = problems.join("; ");
  return new ExecutorError(
    "BadRequest",
    `unable to parse requirement: ${place}: Invalid value: ${quoteGo(value)}: ${detail}`,
  );
}
