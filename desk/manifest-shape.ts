import { parameterShape, type Shape } from "../src/template/index.ts";

export const workflowKinds: readonly unknown[] = [
  "Workflow",
  "WorkflowTemplate",
  "ClusterWorkflowTemplate",
  "CronWorkflow",
];

const texts: Shape = { mapOf: "text" };
const named: Shape = { listOf: { fields: { name: "text" }, required: ["name"] } };

const workflowSpec: Readonly<Record<string, Shape>> = {
  entrypoint: "text",
  serviceAccountName: "text",
  templates: { listOf: { fields: { name: "text" } } },
  templateDefaults: "object",
  arguments: { fields: { parameters: { listOf: parameterShape } } },
  volumes: named,
  volumeClaimTemplates: { listOf: { fields: { metadata: { fields: { name: "text" } } } } },
};

const metadata: Shape = {
  fields: { name: "text", generateName: "text", namespace: "text", labels: texts, annotations: texts },
};
const workflow: Shape = {
  fields: { metadata, spec: { fields: { ...workflowSpec, workflowSpec: { fields: workflowSpec } } } },
};
const keyed: Shape = { fields: { metadata, data: texts, stringData: texts } };

/** The form of a document that a run reads; undefined for others, which are left alone. */
export function documentShape(kind: unknown): Shape | undefined {
  if (kind === "Secret" || kind === "ConfigMap") return keyed;
  return workflowKinds.includes(kind) ? workflow : undefined;
}

/** What the desk reads of a template beyond what the executor does. */
export const deskFieldsShape: Shape = {
  fields: { volumes: named, activeDeadlineSeconds: "scalar", timeout: "text" },
};
