import type { LocationType } from "../../template/index.ts";

/** Where a workflow was read. */
export type WorkflowSource = "cluster" | "archive" | "file";

/** Empty: nothing is said, which artifact GC takes for `Never`. */
export type GcStrategy = "OnWorkflowCompletion" | "OnWorkflowDeletion" | "Never" | "";

/** What an artifact is to its workflow. */
export type ArtifactRole = "output" | "input" | "log";

/** An artifact that a workflow names, with the place where it lies as far as the workflow tells. */
export interface NamedArtifact {
  readonly role: ArtifactRole;
  readonly name: string;
  /** Empty for what the workflow's own arguments or templates name. */
  readonly nodeId: string;
  readonly template: string;
  readonly type: LocationType;
  readonly key: string;
  /** Bucket or container; empty: that of the workflow's repository. */
  readonly bucket: string;
  /** Empty where the location names none. */
  readonly endpoint: string;
  /** True where the location needs nothing from a repository. */
  readonly isFull: boolean;
  /** What artifact GC does with it. */
  readonly strategy: GcStrategy;
  /** True where artifact GC has noted that the object is gone. */
  readonly isDeleted: boolean;
}

/** A key that holds tags still (`{{...}}`), as a template states it. */
export interface UnresolvedKey {
  readonly role: ArtifactRole;
  readonly key: string;
}

/** A store, as locations and repositories name it; what is empty is not said. */
export interface StorePlace {
  readonly type: LocationType;
  readonly endpoint: string;
  /** Bucket or container. */
  readonly bucket: string;
}

/** A workflow, as far as the artifacts of a repository are concerned. */
export interface WorkflowRecord {
  readonly source: WorkflowSource;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Empty: not begun. */
  readonly phase: string;
  /** False once the controller is done with it. */
  readonly isRunning: boolean;
  readonly isBeingDeleted: boolean;
  readonly createdMs: number | undefined;
  readonly finishedMs: number | undefined;
  /** The WorkflowTemplate or CronWorkflow that it comes from, else its `generateName`, else its name. */
  readonly origin: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly artifacts: readonly NamedArtifact[];
  readonly unresolvedKeys: readonly UnresolvedKey[];
  /** Where its artifacts go that name no place; undefined: it does not say. */
  readonly repository: StorePlace | undefined;
  /** Key formats of its own: of its repository, and of archive locations of its templates. */
  readonly keyFormats: readonly string[];
  /** Why its nodes cannot be known; undefined: they are. */
  readonly unknownBecause: string | undefined;
  readonly hasGcFinalizer: boolean;
  readonly forcesFinalizerRemoval: boolean;
  /** Strategies that the controller has made tasks for. */
  readonly strategiesProcessed: readonly string[];
  /** `workflows.argoproj.io/workflow-archiving-status`; empty: not said. */
  readonly archivingStatus: string;
}

/** How messages name a workflow. */
export function workflowTitle({ namespace, name }: Pick<WorkflowRecord, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}
