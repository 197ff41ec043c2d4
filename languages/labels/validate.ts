/** What label keys and values may look like (docs/contract/expressions.md#3.3), with the messages of Kubernetes. */
import { byteLength } from "../text/byte-text.ts";
import { fitsInt64 } from "../text/numbers.ts";
import { quoteGo } from "../text/quote.ts";

const nameMax = 63;
const prefixMax = 253;
const nameForm = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const subdomainForm = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const characters =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const nameRule = `${characters} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`;
const valueRule =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end " +
  "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is " +
  "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and " +
  "end with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
  "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/** What is wrong with a key: one text or none. */
export function keyProblems(key: string): readonly string[] {
  return invalid("<nil>", key, keyRules(key));
}

/** What is wrong with a value; `place` is what messages call it, such as `values[0][status.phase]`. */
export function valueProblems(value: string, place: string): readonly string[] {
  const broken: string[] = [];
  if (byteLength(value) > nameMax) broken.push(`must be no more than ${nameMax} bytes`);
  if (value !== "" && !nameForm.test(value)) broken.push(valueRule);
  return invalid(place, value, broken);
}

/** What is wrong with a value that has an order. */
export function integerProblems(value: string, place: string): readonly string[] {
  const rule = "for 'Gt', 'Lt' operators, the value must be an integer";
  return invalid(place, value, integerOf(value) === undefined ? [rule] : []);
}

/** A 64-bit decimal integer with an optional sign. */
export function integerOf(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ""));
  return fitsInt64(value) ? value : undefined;
}

/** The rules that a key breaks. */
function keyRules(key: string): string[] {
  const parts = key.split("/");
  const problems: string[] = [];
  const [first = "", second] = parts;
  if (parts.length > 2) {
    const form = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
    return [`a valid label key ${nameRule} ${form}`];
  }
  const name = second ?? first;
  if (second !== undefined) {
    if (first === "") problems.push("prefix part must be non-empty");
    else {
      if (byteLength(first) > prefixMax) problems.push(`prefix part must be no more than ${prefixMax} bytes`);
      if (!subdomainForm.test(first)) problems.push(`prefix part ${subdomainRule}`);
    }
  }
  if (name === "") problems.push("name part must be non-empty");
  else if (byteLength(name) > nameMax) problems.push(`name part must be no more than ${nameMax} bytes`);
  if (!nameForm.test(name)) problems.push(`name part ${nameRule}`);
  return problems;
}

function invalid(place: string, value: string, broken: readonly string[]): readonly string[] {
  return broken.length === 0 ? [] : [`${place}: Invalid value: ${quoteGo(value)}: ${broken.join("; ")}`];
}
