import type { ContainerSpec, EnvVar } from "./kubelet/index.ts";
import type { PodPlan } from "./pod-plan.ts";
import type { DeskTemplate } from "./workflow.ts";

/** Tells containers of the executor from those of the user. */
export const executorImage = "argoexec";

/** What is added to every container's variables (docs/contract/pod.md#4.2). */
export class PodEnvironment {
  readonly #plan: PodPlan;
  readonly #template: string;

  constructor(plan: PodPlan, template: DeskTemplate) {
    this.#plan = plan;
    const { parameters: _parameters, ...inputs } = template.inputs ?? {};
    this.#template = JSON.stringify({ ...template, inputs, outputs: template.outputs ?? {} });
  }

  intoInit(container: ContainerSpec): ContainerSpec {
    return this.#with(container, [{ name: "ARGO_TEMPLATE", value: this.#template }]);
  }

  into(container: ContainerSpec): ContainerSpec {
    const { isInitless, gracePeriodSeconds } = this.#plan;
    const isSupervisor = container.name === "supervisor";
    const isUser = container.image !== executorImage;
    return this.#with(container, [
      ...(isSupervisor ? [{ name: "ARGO_TEMPLATE", value: this.#template }] : []),
      ...(isInitless && isUser ? [{ name: "ARGO_WAIT_FOR_READY", value: "true" }] : []),
      ...(gracePeriodSeconds
        ? [{ name: "ARGO_TERMINATION_GRACE_PERIOD_SECONDS", value: String(gracePeriodSeconds) }]
        : []),
    ]);
  }

  #with(container: ContainerSpec, after: readonly EnvVar[]): ContainerSpec {
    const isExecutor = container.image === executorImage;
    const own = isExecutor ? this.#executor(container.name) : (container.env ?? []);
    return {
      ...container,
      env: [...own, { name: "ARGO_CONTAINER_NAME", value: container.name }, ...this.#standard(), ...after],
    };
  }

  #executor(name: string): readonly EnvVar[] {
    const { names } = this.#plan;
    return [
      { name: "ARGO_POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "ARGO_POD_UID", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } },
      { name: "ARGO_WORKFLOW_UID", value: names.workflowUid },
      ...(name === "supervisor" ? [{ name: "ARGO_INITLESS_POD", value: "true" }] : []),
      ...(name === "wait" ? [{ name: "ARGO_ARTIFACT_PLUGIN_NAMES" }] : []),
    ];
  }

  #standard(): readonly EnvVar[] {
    const { names, deadlineMs, manifest, template, progressTick = "300ms" } = this.#plan;
    const deadline = deadlineMs === undefined ? "0001-01-01T00:00:00Z" : new Date(deadlineMs).toISOString();
    const includesResult = template.script !== undefined || manifest.readsResult;
    return Object.entries({
      ARGO_NODE_ID: names.nodeId,
      ARGO_INCLUDE_SCRIPT_OUTPUT: String(includesResult),
      ARGO_DEADLINE: deadline,
      ARGO_WORKFLOW_NAME: names.workflow,
      ARGO_PROGRESS_FILE: "/var/run/argo/progress",
      ARGO_PROGRESS_PATCH_TICK_DURATION: progressTick,
      ARGO_PROGRESS_FILE_TICK_DURATION: progressTick,
    }).map(([name, value]) => ({ name, value }));
  }
}
