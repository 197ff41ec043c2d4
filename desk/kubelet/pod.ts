/** The parts of a Pod manifest that the desk's kubelet acts upon (core/v1). */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly spec: PodSpec;
}

export interface PodSpec {
  readonly initContainers?: readonly ContainerSpec[];
  readonly containers: readonly ContainerSpec[];
  readonly volumes?: readonly Volume[];
  readonly terminationGracePeriodSeconds?: number;
  readonly activeDeadlineSeconds?: number;
  readonly [field: string]: unknown;
}

export interface ContainerSpec {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly {
    readonly prefix?: string;
    readonly secretRef?: { readonly name?: string; readonly optional?: boolean };
    readonly configMapRef?: { readonly name?: string; readonly optional?: boolean };
  }[];
  readonly workingDir?: string;
  readonly volumeMounts?: readonly Mount[];
  readonly [field: string]: unknown;
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly secretKeyRef?: KeyRef;
    readonly configMapKeyRef?: KeyRef;
    readonly [source: string]: unknown;
  };
}

export interface KeyRef {
  readonly name?: string;
  readonly key: string;
  readonly optional?: boolean;
}

export interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly readOnly?: boolean;
}

interface KeyItems {
  readonly items?: readonly { readonly key: string; readonly path: string }[];
  readonly optional?: boolean;
}

export interface Volume {
  readonly name: string;
  readonly emptyDir?: object;
  readonly persistentVolumeClaim?: object;
  readonly ephemeral?: object;
  readonly hostPath?: { readonly path: string };
  readonly secret?: KeyItems & { readonly secretName?: string };
  readonly configMap?: KeyItems & { readonly name?: string };
  readonly image?: object;
  readonly [type: string]: unknown;
}

/** Secrets or config maps: name, then key. */
export type KeyedData = Readonly<Record<string, Readonly<Record<string, string>>>>;
