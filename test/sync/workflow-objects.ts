import { randomUUID } from "node:crypto";

/** What a test says of a workflow; the rest is as a controller leaves it. */
export interface WorkflowSketch {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  /** Default Succeeded; `Running` is not finished. */
  readonly phase?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly generateName?: string;
  readonly finishedAt?: string;
  readonly createdAt?: string;
  /** Output artifacts of its one node: name -> key, or a whole artifact. */
  readonly outputs?: Readonly<Record<string, string | object>>;
  readonly inputs?: Readonly<Record<string, string | object>>;
  readonly spec?: object;
  readonly status?: object;
  readonly finalizers?: readonly string[];
}

export const workflowsResource = {
  group: "argoproj.io",
  version: "v1alpha1",
  resource: "workflows",
} as const;

/** A Workflow as a controller leaves it. */
export function workflowObject(sketch: WorkflowSketch) {
  const { name, namespace = "argo", phase = "Succeeded", labels = {}, generateName } = sketch;
  const isDone = phase !== "Running" && phase !== "";
  const node = {
    id: name,
    name,
    type: "Pod",
    templateName: "main",
    phase,
    outputs: { artifacts: artifactsOf(sketch.outputs) },
    inputs: { artifacts: artifactsOf(sketch.inputs) },
  };
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: {
      name,
      namespace,
      uid: sketch.uid ?? randomUUID(),
      creationTimestamp: sketch.createdAt ?? "2026-01-01T00:00:00Z",
      ...(generateName ? { generateName } : {}),
      ...(sketch.finalizers ? { finalizers: sketch.finalizers } : {}),
      labels: { ...(isDone ? { "workflows.argoproj.io/completed": "true" } : {}), ...labels },
    },
    spec: { entrypoint: "main", ...sketch.spec },
    status: {
      phase,
      startedAt: "2026-01-01T00:00:00Z",
      ...(isDone ? { finishedAt: sketch.finishedAt ?? "2026-01-01T00:01:00Z" } : {}),
      artifactRepositoryRef: { default: true, artifactRepository: {} },
      nodes: { [name]: node },
      ...sketch.status,
    },
  };
}

function artifactsOf(named: WorkflowSketch["outputs"] = {}): readonly object[] {
  return Object.entries(named).map(([name, value]) =>
    typeof value === "string" ? { name, path: `/tmp/${name}`, s3: { key: value } } : { name, ...value },
  );
}
