import { ExecutorError } from "../errors/index.ts";
import { checkTemplate } from "./check-template.ts";
import { hasLocationOrKey } from "./locations.ts";
import { findOverlappingVolume, isWithin } from "./paths.ts";
import type { AnyString } from "./shape.ts";
import type { ContainerNode, Template } from "./types.ts";

const templateTypes = [
  "container",
  "containerSet",
  "steps",
  "dag",
  "script",
  "resource",
  "data",
  "suspend",
  "http",
  "plugin",
] as const;

export type TemplateType = (typeof templateTypes)[number];

/** Parses and checks the JSON of `ARGO_TEMPLATE`. Throws BadRequest, naming where the text came from. */
export function parseTemplate(json: string, source: string): Template {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ExecutorError(
      "BadRequest",
      `${source} must hold a template as JSON: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ExecutorError("BadRequest", `${source} must hold a template as a JSON object`);
  }
  return checkTemplate(value, source);
}

/** The first type that is present, in Argo's order (docs/contract/pod.md#5.2). */
export function templateType(template: Template): TemplateType | undefined {
  return templateTypes.find((type) => template[type] !== undefined && template[type] !== null);
}

export function mainContainerNames(template: Template): readonly string[] {
  return template.containerSet?.containers.map((container) => container.name) ?? ["main"];
}

export function sidecarNames(template: Template): readonly string[] {
  return (template.sidecars ?? []).map((sidecar) => sidecar.name);
}

export function savesLogs(template: Template): boolean {
  return template.archiveLocation?.archiveLogs === true;
}

/** Whether a script result can exist (docs/contract/pod.md#7.3 HasOutput). */
export function hasOutput(template: Template): boolean {
  if (template.containerSet) return template.containerSet.containers.some(({ name }) => name === "main");
  return ["container", "script", "data", "http", "plugin"].includes(templateType(template) ?? "");
}

export function containerNode(template: Template, name: string): ContainerNode | undefined {
  return template.containerSet?.containers.find((container) => container.name === name);
}

/** Where the bytes of an output path are found. */
export type OutputSource = "shared mount" | "base layer";

/**
 * A path on a user volume, or in the legacy layout at or below an input artifact, is mounted in the auxiliary
 * container too; everything else exists only in main's own file system (docs/contract/pod.md#5.6.1).
 */
export function outputSource(template: Template, path: string, isInitless: boolean): OutputSource {
  if (findOverlappingVolume(template, path)) return "shared mount";
  for (const input of template.inputs?.artifacts ?? []) {
    if (!input.path || !isWithin(input.path, path)) continue;
    if (path === input.path && input.optional && !hasLocationOrKey(input)) return "base layer";
    return isInitless ? "base layer" : "shared mount";
  }
  return "base layer";
}

/** Argo's AnyString as text: numbers without exponent, booleans as `true` and `false`. */
export function anyString(value: AnyString): string {
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? BigInt(value).toString() : String(value);
}
