import { parseSelector, type Requirement } from "../../../languages/labels/index.ts";

/** True for labels that meet every requirement. */
export type LabelSelector = (labels: Readonly<Record<string, string>>) => boolean;

/** A label selector as kubectl has it. Throws LanguageError with Kubernetes' own message. */
export function labelSelector(text: string): LabelSelector {
  const requirements = parseSelector(text);
  return (labels) => requirements.every((requirement) => isMet(requirement, labels));
}

/** Labels are flat: a dot in their names is no path, as it is where selectors are conditions of resources. */
function isMet({ key, operator, values }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "=":
    case "==":
    case "in":
      return value !== undefined && values.includes(value);
    case "!=":
    case "notin":
      return value === undefined || !values.includes(value);
    case "gt":
      return value !== undefined && isNumber(value) && Number(value) > Number(values[0]);
    case "lt":
      return value !== undefined && isNumber(value) && Number(value) < Number(values[0]);
  }
}

function isNumber(text: string): boolean {
  return /^[-+]?\d+$/.test(text);
}
