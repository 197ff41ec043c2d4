import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A run of the stock executor, as recorded: see the README of test/fixtures/pods. */
export interface Recording {
  /** A layout of the newest controller, or the version of an older one, which has the legacy layout only. */
  readonly group: RecordingGroup;
  readonly name: string;
  readonly workflow: string;
  readonly phase: string;
  readonly pods: readonly RecordedPod[];
  readonly taskResults: Readonly<Record<string, readonly KubeObject[]>>;
  readonly taskSets?: Readonly<Record<string, readonly KubeObject[]>>;
  readonly gcTasks?: Readonly<Record<string, readonly KubeObject[]>>;
}

export interface RecordedPod {
  readonly pod: KubeObject & { readonly spec: PodSpec };
  readonly observed: { readonly phase: string; readonly containers: Readonly<Record<string, ContainerEnd>> };
}

export interface ContainerEnd {
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly running?: object;
  readonly waiting?: object;
}

export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly {
      readonly uid: string;
      readonly kind: string;
      readonly name: string;
    }[];
    readonly resourceVersion?: string;
  };
  readonly outputs?: unknown;
  readonly progress?: string;
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly data?: Readonly<Record<string, string>>;
}

export interface PodSpec {
  readonly containers: readonly ContainerSpec[];
  readonly initContainers?: readonly ContainerSpec[];
  readonly volumes?: readonly { readonly name: string; readonly image?: { readonly reference: string } }[];
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

const fixtures = fileURLToPath(new URL("../fixtures/pods", import.meta.url));

export const layouts = ["legacy", "init-less"] as const;
export const olderControllers = ["v3.5.15", "v3.6.19", "v3.7.18", "v4.0.10"] as const;
export const recordingGroups = [...layouts, ...olderControllers];
export type RecordingGroup = (typeof recordingGroups)[number];

export function readRecordings(group: RecordingGroup): readonly Recording[] {
  const isLayout = layouts.some((layout) => layout === group);
  const folder = join(fixtures, isLayout ? group : `versions/${group}`);
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => {
      const recorded = JSON.parse(readFileSync(join(folder, file), "utf8")) as Recording;
      return {
        ...recorded,
        taskResults: recorded.taskResults ?? {},
        group,
        name: file.slice(0, -".json".length),
      };
    });
}
