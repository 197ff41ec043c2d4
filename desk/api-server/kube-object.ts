/** Any Kubernetes object. Stored ones are never changed in place: a new state is a new object. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export interface ObjectMeta {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string | null;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly [field: string]: unknown;
}

export interface OwnerReference {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly [field: string]: unknown;
}

/** A kind of object in one API group and version: `argoproj.io`, `v1alpha1`, `workflowtasksets`. */
export interface ResourceName {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** The plural, as in paths. */
  readonly resource: string;
}

/** `workflowtasksets.argoproj.io`, or `pods` in the core group: how messages name a resource. */
export function qualified({ group, resource }: ResourceName): string {
  return group === "" ? resource : `${resource}.${group}`;
}

export function apiVersionOf({ group, version }: ResourceName): string {
  return group === "" ? version : `${group}/${version}`;
}

interface KnownResource {
  readonly kind: string;
  readonly isNamespaced: boolean;
  /** `status` is changed through its own path only (CustomResourceDefinition `subresources.status`). */
  readonly hasStatus: boolean;
}

/** What Argo's definitions and the core group say; other resources are accepted, with the kind that objects give. */
export const knownResources: Readonly<Record<string, KnownResource>> = {
  configmaps: { kind: "ConfigMap", isNamespaced: true, hasStatus: false },
  events: { kind: "Event", isNamespaced: true, hasStatus: false },
  namespaces: { kind: "Namespace", isNamespaced: false, hasStatus: true },
  nodes: { kind: "Node", isNamespaced: false, hasStatus: true },
  persistentvolumeclaims: { kind: "PersistentVolumeClaim", isNamespaced: true, hasStatus: true },
  pods: { kind: "Pod", isNamespaced: true, hasStatus: true },
  secrets: { kind: "Secret", isNamespaced: true, hasStatus: false },
  serviceaccounts: { kind: "ServiceAccount", isNamespaced: true, hasStatus: false },
  services: { kind: "Service", isNamespaced: true, hasStatus: true },
  "deployments.apps": { kind: "Deployment", isNamespaced: true, hasStatus: true },
  "jobs.batch": { kind: "Job", isNamespaced: true, hasStatus: true },
  "leases.coordination.k8s.io": { kind: "Lease", isNamespaced: true, hasStatus: false },
  "workflows.argoproj.io": { kind: "Workflow", isNamespaced: true, hasStatus: false },
  "workflowartifactgctasks.argoproj.io": {
    kind: "WorkflowArtifactGCTask",
    isNamespaced: true,
    hasStatus: true,
  },
  "workflowtaskresults.argoproj.io": { kind: "WorkflowTaskResult", isNamespaced: true, hasStatus: false },
  "workflowtasksets.argoproj.io": { kind: "WorkflowTaskSet", isNamespaced: true, hasStatus: true },
};
