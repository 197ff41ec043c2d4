import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { KubeClient } from "../../../src/kube/index.ts";
import { until } from "../../chaos/until.ts";

const never = new AbortController().signal;
const folder = join(import.meta.dirname, "workflows");

interface Parameter {
  readonly name: string;
  readonly value?: string;
}

export interface NodeStatus {
  readonly id: string;
  readonly displayName: string;
  readonly type: string;
  readonly phase: string;
  readonly templateName?: string;
  readonly message?: string;
  readonly outputs?: {
    readonly result?: string;
    readonly exitCode?: string;
    readonly parameters?: readonly Parameter[];
    readonly artifacts?: readonly { readonly name: string; readonly s3?: { readonly key: string } }[];
  };
}

export interface Workflow {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
  };
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly arguments?: { readonly parameters?: readonly Parameter[] };
  };
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly progress?: string;
    readonly startedAt?: string;
    readonly finishedAt?: string;
    readonly nodes?: Readonly<Record<string, NodeStatus>>;
  };
}

/** A manifest of the folder `workflows`. */
export function manifest(name: string): Workflow {
  return parse(readFileSync(join(folder, `${name}.yaml`), "utf8")) as Workflow;
}

/** The workflows of a namespace, and what becomes of them. */
export class Workflows {
  readonly #kube: KubeClient;
  readonly #path: string;

  constructor(kube: KubeClient, namespace: string) {
    this.#kube = kube;
    this.#path = `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/workflows`;
  }

  /** Creates it, with other values for some of its parameters; returns its name. */
  async submit(workflow: Workflow, values: Readonly<Record<string, string>> = {}): Promise<string> {
    const { arguments: given, ...rest } = workflow.spec;
    const parameters = given?.parameters?.map((one) => ({ ...one, value: values[one.name] ?? one.value }));
    const spec = { ...rest, ...(parameters ? { arguments: { parameters } } : {}) };
    const request = { method: "POST", path: this.#path, body: { ...workflow, spec } } as const;
    return (await this.#kube.request<Workflow>(request, never)).metadata.name;
  }

  async get(name: string): Promise<Workflow> {
    return await this.#kube.request<Workflow>({ method: "GET", path: `${this.#path}/${name}` }, never);
  }

  async patch(name: string, change: object): Promise<void> {
    const contentType = "application/merge-patch+json";
    const path = `${this.#path}/${name}`;
    await this.#kube.request({ method: "PATCH", path, body: change, contentType }, never);
  }

  async list(label: string): Promise<readonly Workflow[]> {
    const path = `${this.#path}?labelSelector=${encodeURIComponent(label)}`;
    return (await this.#kube.request<{ readonly items: Workflow[] }>({ method: "GET", path }, never)).items;
  }

  async delete(name: string): Promise<void> {
    await this.#kube.request({ method: "DELETE", path: `${this.#path}/${name}` }, never);
  }

  /** What the controller has made of it in the end. */
  async ended(name: string): Promise<Workflow & { readonly status: object }> {
    return await until(`the end of the workflow ${name}`, async () => {
      const workflow = await this.get(name);
      const { status } = workflow;
      return status?.finishedAt !== undefined && status.finishedAt !== null && { ...workflow, status };
    });
  }
}

export function nodes({ status }: Workflow): readonly NodeStatus[] {
  return Object.values(status?.nodes ?? {});
}

/** The one node of a name, as the user sees it. */
export function nodeOf(workflow: Workflow, displayName: string): NodeStatus {
  const [node, ...more] = nodes(workflow).filter((one) => one.displayName === displayName);
  if (node === undefined || more.length > 0) {
    const names = nodes(workflow).map((one) => one.displayName);
    throw new Error(`no single node "${displayName}" among ${names.join(", ")}`);
  }
  return node;
}

export function parameterOf({ outputs }: NodeStatus, name: string): string | undefined {
  return outputs?.parameters?.find((one) => one.name === name)?.value;
}

export function keyOf({ outputs }: NodeStatus, artifact: string): string {
  const key = outputs?.artifacts?.find((one) => one.name === artifact)?.s3?.key;
  if (key === undefined) throw new Error(`no artifact "${artifact}" in ${JSON.stringify(outputs)}`);
  return key;
}
