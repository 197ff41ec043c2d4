import type { AnyString, Artifact, Parameter, Template } from "../src/template/index.ts";
import type { ContainerSpec, Volume } from "./kubelet/index.ts";

/** A template with the fields that only the controller reads. */
export interface DeskTemplate extends Template {
  readonly name?: string;
  readonly volumes?: readonly Volume[];
  readonly initContainers?: readonly DeskContainer[];
  readonly sidecars?: readonly DeskContainer[];
  readonly activeDeadlineSeconds?: AnyString;
  readonly timeout?: string;
  readonly [field: string]: unknown;
}

export type DeskContainer = ContainerSpec & { readonly mirrorVolumeMounts?: boolean };

export interface Metadata {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface WorkflowSpec {
  readonly entrypoint?: string;
  readonly serviceAccountName?: string;
  readonly templates?: readonly DeskTemplate[];
  readonly templateDefaults?: Partial<DeskTemplate>;
  readonly arguments?: {
    readonly parameters?: readonly Parameter[];
    readonly artifacts?: readonly Artifact[];
  };
  readonly volumes?: readonly Volume[];
  readonly volumeClaimTemplates?: readonly { readonly metadata?: { readonly name?: string } }[];
}
