import { randomBytes, randomUUID } from "node:crypto";
import type { ArtifactLocation } from "../src/template/index.ts";
import type { Manifest } from "./manifest.ts";
import type { DeskTemplate } from "./workflow.ts";

/** What a pod is made from. */
export interface PodPlan {
  readonly manifest: Manifest;
  /** With every variable substituted, and the location of every input artifact that has one. */
  readonly template: DeskTemplate;
  readonly names: PodNames;
  /** Where artifacts live, with a key for this pod. */
  readonly repository: ArtifactLocation;
  readonly isInitless?: boolean;
  /** `ARGO_DEADLINE`. */
  readonly deadlineMs?: number;
  readonly gracePeriodSeconds?: number;
  /** The shortest time between two reports of progress, as a Go duration. */
  readonly progressTick?: string;
}

/** Who the pod is; what the controller would make up. */
export interface PodNames {
  readonly workflow: string;
  readonly workflowUid: string;
  readonly namespace: string;
  readonly node: string;
  readonly nodeId: string;
  readonly pod: string;
}

/** Names for one run: those of the manifest where it has any. */
export function podNames(manifest: Manifest): PodNames {
  const { metadata } = manifest.workflow;
  const suffix = randomBytes(3).toString("hex");
  const workflow = metadata.name ?? `${metadata.generateName ?? "desk-"}${suffix}`;
  const template = manifest.template.name ?? "main";
  const node = `${workflow}.${template}`;
  const hash = fnv1a(node);
  return {
    workflow,
    workflowUid: randomUUID(),
    namespace: metadata.namespace ?? "desk",
    node,
    nodeId: `${workflow}-${hash}`,
    pod: `${workflow}-${template}-${hash}`,
  };
}

/** FNV-1a, 32 bits: how the controller makes node IDs. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
