import type { KubeObject } from "./kube-object.ts";
import { badRequest } from "./status.ts";

export type Selector = (object: KubeObject) => boolean;

/** Both selectors of a list or a watch; an object must satisfy both. Throws BadRequest for one that cannot be read. */
export function readSelector(labels: string | undefined, fields: string | undefined): Selector {
  const requirements = [
    ...splitRequirements(labels ?? "").map(labelRequirement),
    ...fieldRequirements(fields ?? ""),
  ];
  return (object) => requirements.every((isMet) => isMet(object));
}

/** Commas separate requirements, except between parentheses. */
function splitRequirements(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** The grammar of `labels.Parse`: `a`, `!a`, `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a>1`, `a<1`. */
function labelRequirement(text: string): Selector {
  const match = /^(!?)\s*([\w./-]+)\s*(?:(==|=|!=|>|<)\s*([\w.-]*)|\s(in|notin)\s*\(([^)]*)\))?$/.exec(text);
  const [, not, key, operator, operand = "", setOperator, set = ""] = match ?? [];
  if (key === undefined || (not && (operator || setOperator))) {
    throw badRequest(`unable to parse requirement: found '${text}', expected: a label selector`);
  }
  const values = setOperator === undefined ? [operand] : set.split(",").map((value) => value.trim());
  return ({ metadata }) => {
    const value = metadata.labels?.[key];
    if (not) return value === undefined;
    if (operator === ">") return Number(value) > Number(operand);
    if (operator === "<") return Number(value) < Number(operand);
    if (operator === "!=" || setOperator === "notin") return value === undefined || !values.includes(value);
    if (operator === undefined && setOperator === undefined) return value !== undefined;
    return value !== undefined && values.includes(value);
  };
}

/** `metadata.name=x` and any other path whose value is a plain text. */
function fieldRequirements(text: string): Selector[] {
  return splitRequirements(text).map((part) => {
    const match = /^([\w.]+)(==|=|!=)(.*)$/.exec(part);
    if (!match) throw badRequest(`invalid field selector: ${part}`);
    const [, path = "", operator, expected] = match;
    return (object) => {
      const value = path.split(".").reduce<unknown>(field, object);
      return (String(value ?? "") === expected) === (operator !== "!=");
    };
  });
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
