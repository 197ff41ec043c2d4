import { ExecutorError } from "../src/errors/index.ts";
import { anyString, type Parameter } from "../src/template/index.ts";
import type { Manifest } from "./manifest.ts";
import type { PodNames } from "./pod-plan.ts";
import { substitute, type Variables } from "./variables.ts";

/**
 * Every variable that the template may use. A value given for a name is an input parameter, or else one of the
 * workflow's, or else, if it has a dot or is `item`, a variable itself (`steps.make.outputs.result`).
 * Throws BadRequest for a name that is none of them, and for an input parameter without a value.
 */
export async function templateVariables(
  manifest: Manifest,
  names: PodNames,
  given: ReadonlyMap<string, string>,
): Promise<Variables> {
  const { template, workflow, isEntrypoint } = manifest;
  const inputs = template.inputs?.parameters ?? [];
  const ofWorkflow = workflow.spec.arguments?.parameters ?? [];
  checkNames(given, inputs, ofWorkflow, template.name ?? "");
  const variables = new Map(workflowVariables(manifest, names));
  for (const [name, value] of given) if (isVariable(name)) variables.set(name, value);
  const globals = ofWorkflow.flatMap((parameter) => {
    const value = given.get(parameter.name) ?? declaredValue(parameter, manifest);
    return value === undefined ? [] : [{ name: parameter.name, value }];
  });
  addParameters(variables, "workflow.parameters", globals);
  const own = await Promise.all(
    inputs.map(async (parameter) => {
      const argument = isEntrypoint ? globals.find(({ name }) => name === parameter.name)?.value : undefined;
      const value = given.get(parameter.name) ?? argument ?? declaredValue(parameter, manifest);
      return { name: parameter.name, value: await substitute(value, variables) };
    }),
  );
  const without = own.filter(({ value }) => value === undefined).map(({ name }) => name);
  if (without.length > 0) {
    const text = without.map((name) => `--param ${name}=VALUE`).join(" ");
    throw new ExecutorError("BadRequest", `template ${template.name ?? ""} needs ${text}`);
  }
  addParameters(variables, "inputs.parameters", own as readonly { name: string; value: string }[]);
  for (const { name, path } of template.inputs?.artifacts ?? []) {
    if (path) variables.set(`inputs.artifacts.${name}.path`, path);
  }
  for (const { name, path } of template.outputs?.artifacts ?? []) {
    if (path) variables.set(`outputs.artifacts.${name}.path`, path);
  }
  for (const { name, valueFrom } of template.outputs?.parameters ?? []) {
    if (valueFrom?.path) variables.set(`outputs.parameters.${name}.path`, valueFrom.path);
  }
  return variables;
}

function checkNames(
  given: ReadonlyMap<string, string>,
  inputs: readonly Parameter[],
  ofWorkflow: readonly Parameter[],
  template: string,
): void {
  const known = [...inputs, ...ofWorkflow].map(({ name }) => name);
  for (const name of given.keys()) {
    if (known.includes(name) || isVariable(name)) continue;
    const choice = known.length > 0 ? `it has: ${[...new Set(known)].join(", ")}` : "it has none";
    throw new ExecutorError("BadRequest", `template ${template} has no parameter ${name}; ${choice}`);
  }
}

function isVariable(name: string): boolean {
  return name.includes(".") || name === "item" || name === "retries";
}

function addParameters(
  variables: Map<string, string>,
  prefix: string,
  parameters: readonly { readonly name: string; readonly value: string }[],
): void {
  for (const { name, value } of parameters) variables.set(`${prefix}.${name}`, value);
  variables.set(prefix, JSON.stringify(parameters));
}

function declaredValue(parameter: Parameter, { configMaps }: Manifest): string | undefined {
  const { value, default: fallback, valueFrom } = parameter;
  if (value !== undefined && value !== null) return anyString(value);
  const ref = valueFrom?.configMapKeyRef;
  const fromMap = ref && configMaps[ref.name ?? ""]?.[ref.key ?? ""];
  if (fromMap !== undefined) return fromMap;
  const otherwise = valueFrom?.default ?? fallback;
  return otherwise === undefined || otherwise === null ? undefined : anyString(otherwise);
}

function workflowVariables({ workflow }: Manifest, names: PodNames): readonly (readonly [string, string])[] {
  const { labels = {}, annotations = {} } = workflow.metadata;
  const now = new Date();
  return [
    ["workflow.name", names.workflow],
    ["workflow.namespace", names.namespace],
    ["workflow.uid", names.workflowUid],
    ["workflow.serviceAccountName", workflow.spec.serviceAccountName ?? "default"],
    ["workflow.mainEntrypoint", workflow.spec.entrypoint ?? ""],
    ["workflow.creationTimestamp", now.toISOString().replace(/\.\d+Z$/, "Z")],
    ["workflow.creationTimestamp.s", String(Math.floor(now.getTime() / 1000))],
    ["workflow.creationTimestamp.RFC3339", now.toISOString().replace(/\.\d+Z$/, "Z")],
    ["pod.name", names.pod],
    ["node.name", names.node],
    ["retries", "0"],
    ["workflow.labels", JSON.stringify(labels)],
    ["workflow.annotations", JSON.stringify(annotations)],
    ...Object.entries(labels).map(([key, value]) => [`workflow.labels.${key}`, value] as const),
    ...Object.entries(annotations).map(([key, value]) => [`workflow.annotations.${key}`, value] as const),
  ];
}
