import type { Template } from "./types.ts";

/**
 * An annotation of the template's own `metadata`, which every release of Argo accepts and passes on in the template;
 * undefined where it is absent, empty or no text.
 */
export function templateAnnotation(template: Template, name: string): string | undefined {
  const { metadata } = template as { readonly metadata?: unknown };
  const annotations = fieldsOf(fieldsOf(metadata)?.annotations);
  const value = annotations?.[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}
