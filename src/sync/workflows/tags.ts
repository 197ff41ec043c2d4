/** A part of a key format: text as it stands, or the name of a tag. */
export type FormatPart = { readonly literal: string } | { readonly tag: string };

/** The parts of a text with `{{...}}` in it, in order; tags without the blanks around their name. */
export function formatParts(format: string): readonly FormatPart[] {
  const parts: FormatPart[] = [];
  let from = 0;
  for (const match of format.matchAll(/\{\{([^{}]*)\}\}/g)) {
    if (match.index > from) parts.push({ literal: format.slice(from, match.index) });
    parts.push({ tag: (match[1] ?? "").trim() });
    from = match.index + match[0].length;
  }
  if (from < format.length) parts.push({ literal: format.slice(from) });
  return parts;
}

export function hasTags(text: string): boolean {
  return text.includes("{{");
}

/** What stays the same as long as a workflow lives; its labels do not. */
export interface TagValues {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const parameterTag = "workflow.parameters.";

/** The value of a tag that is the same everywhere in a workflow; empty: not known from the outside. */
export function tagValue(tag: string, workflow: TagValues): string {
  switch (tag) {
    case "workflow.name":
      return workflow.name;
    case "workflow.namespace":
      return workflow.namespace;
    case "workflow.uid":
      return workflow.uid;
  }
  const name = tag.startsWith(parameterTag) ? tag.slice(parameterTag.length) : "";
  return Object.hasOwn(workflow.parameters, name) ? (workflow.parameters[name] ?? "") : "";
}

/** Pods of workflows with longer names hold less of them than all: names of pods are cut to 253 characters. */
export const wholeNameMax = 180;

/**
 * What every key made of the text in this workflow begins with: all up to the first tag whose value nobody outside
 * knows. The name of a pod begins with that of its workflow.
 */
export function knownStart(text: string, workflow: TagValues): string {
  let start = "";
  for (const part of formatParts(text)) {
    if ("literal" in part) {
      start += part.literal;
      continue;
    }
    if (part.tag === "pod.name") {
      return workflow.name.length <= wholeNameMax ? start + workflow.name : start;
    }
    const value = tagValue(part.tag, workflow);
    if (value === "") return start;
    start += value;
  }
  return start;
}
