/**
 * Argo's data as the executor reads it: the fields it uses, by their JSON names. Everything else that a template
 * holds passes through unchanged (the objects are kept as parsed), because outputs are reported with all their fields.
 * Source: the CRD of Argo Workflows 3.5 to 4.1; contract pod.md 7.1, artifacts.md 2.1 and 5.
 */

export interface SecretSelector {
  readonly name?: string;
  readonly key?: string;
  readonly optional?: boolean;
}

export interface S3Location {
  readonly endpoint?: string;
  readonly bucket?: string;
  readonly key?: string;
  readonly region?: string;
  /** True: http. Absent or false: https. */
  readonly insecure?: boolean;
  readonly accessKeySecret?: SecretSelector;
  readonly secretKeySecret?: SecretSelector;
  readonly sessionTokenSecret?: SecretSelector;
  readonly roleARN?: string;
  readonly useSDKCreds?: boolean;
  readonly createBucketIfNotPresent?: { readonly objectLocking?: boolean };
  readonly encryptionOptions?: {
    readonly enableEncryption?: boolean;
    readonly kmsKeyId?: string;
    readonly kmsEncryptionContext?: string;
    readonly serverSideCustomerKeySecret?: SecretSelector;
  };
  readonly caSecret?: SecretSelector;
  readonly addressingStyle?: string;
}

export interface HttpHeader {
  readonly name: string;
  readonly value: string;
}

export interface HttpLocation {
  readonly url?: string;
  readonly headers?: readonly HttpHeader[];
  readonly auth?: {
    readonly basicAuth?: {
      readonly usernameSecret?: SecretSelector;
      readonly passwordSecret?: SecretSelector;
    };
    readonly oauth2?: {
      readonly clientIDSecret?: SecretSelector;
      readonly clientSecretSecret?: SecretSelector;
      readonly tokenURLSecret?: SecretSelector;
      readonly scopes?: readonly string[];
      readonly endpointParams?: readonly { readonly key: string; readonly value?: string }[];
    };
    readonly clientCert?: {
      readonly clientCertSecret?: SecretSelector;
      readonly clientKeySecret?: SecretSelector;
    };
  };
}

export interface RawLocation {
  readonly data?: string;
}

export interface ArtifactoryLocation {
  readonly url?: string;
  readonly usernameSecret?: SecretSelector;
  readonly passwordSecret?: SecretSelector;
}

export interface GcsLocation {
  readonly bucket?: string;
  readonly key?: string;
  readonly serviceAccountKeySecret?: SecretSelector;
}

export interface OssLocation {
  readonly endpoint?: string;
  readonly bucket?: string;
  readonly key?: string;
  readonly [field: string]: unknown;
}

export interface AzureLocation {
  readonly endpoint?: string;
  readonly container?: string;
  readonly blob?: string;
  readonly accountKeySecret?: SecretSelector;
  readonly useSDKCreds?: boolean;
}

export interface HdfsLocation {
  readonly addresses?: readonly string[];
  readonly path?: string;
  readonly [field: string]: unknown;
}

export interface GitLocation {
  readonly repo?: string;
  readonly [field: string]: unknown;
}

export interface PluginLocation {
  readonly name?: string;
  readonly configuration?: string;
  readonly connectionTimeoutSeconds?: number;
  readonly key?: string;
}

/** At most one of the types; where several are present, the first in `locationTypes` counts (pod.md 7.2). */
export interface ArtifactLocation {
  readonly archiveLogs?: boolean;
  readonly artifactory?: ArtifactoryLocation;
  readonly azure?: AzureLocation;
  readonly git?: GitLocation;
  readonly gcs?: GcsLocation;
  readonly hdfs?: HdfsLocation;
  readonly http?: HttpLocation;
  readonly oss?: OssLocation;
  readonly raw?: RawLocation;
  readonly s3?: S3Location;
  readonly plugin?: PluginLocation;
}

export interface ArchiveStrategy {
  readonly none?: Record<string, never>;
  readonly tar?: { readonly compressionLevel?: number };
  readonly zip?: Record<string, never>;
}

export interface Artifact extends ArtifactLocation {
  readonly name: string;
  readonly path?: string;
  /** Permission bits as a number: 0755 arrives as 493. Inputs only. */
  readonly mode?: number;
  readonly recurseMode?: boolean;
  readonly optional?: boolean;
  readonly archive?: ArchiveStrategy;
  readonly globalName?: string;
}

/** Argo's AnyString: accepts numbers and booleans, and is always emitted as a string. */
export type AnyString = string | number | boolean;

export interface Parameter {
  readonly name: string;
  readonly value?: AnyString;
  readonly default?: AnyString;
  readonly valueFrom?: {
    readonly path?: string;
    /** Resource templates: where the value is in the object. */
    readonly jsonPath?: string;
    readonly jqFilter?: string;
    readonly default?: AnyString;
    readonly [field: string]: unknown;
  };
  readonly globalName?: string;
}

export interface Outputs {
  readonly parameters?: readonly Parameter[];
  readonly artifacts?: readonly Artifact[];
  readonly result?: string;
  readonly exitCode?: string;
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
}

export interface Container {
  readonly name?: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts?: readonly VolumeMount[];
  /** Kubernetes quantities by resource: "1Gi", "500M", 1000000. */
  readonly resources?: { readonly limits?: Readonly<Record<string, string | number>> };
}

export interface ContainerNode extends Container {
  readonly name: string;
  readonly dependencies?: readonly string[];
}

/** What kubectl is to do (docs/contract/roles.md#2.2). */
export interface ResourceTemplate {
  readonly action?: string;
  readonly mergeStrategy?: string;
  readonly manifest?: string;
  readonly manifestFrom?: { readonly artifact?: { readonly name?: string } };
  readonly successCondition?: string;
  readonly failureCondition?: string;
  readonly flags?: readonly string[];
  readonly [field: string]: unknown;
}

/** Where a list of keys comes from, and what becomes of it (docs/contract/roles.md#3). */
export interface DataTemplate {
  readonly source?: { readonly artifactPaths?: Omit<Artifact, "name"> & { readonly name?: string } };
  readonly transformation?: readonly { readonly expression?: string }[];
}

export interface Template {
  readonly name?: string;
  readonly inputs?: { readonly parameters?: readonly Parameter[]; readonly artifacts?: readonly Artifact[] };
  readonly outputs?: Outputs;
  readonly container?: Container;
  readonly containerSet?: {
    readonly containers: readonly ContainerNode[];
    readonly volumeMounts?: readonly VolumeMount[];
    readonly retryStrategy?: { readonly duration?: string; readonly retries?: string | number };
  };
  readonly script?: Container & { readonly source?: string };
  readonly resource?: ResourceTemplate;
  readonly data?: DataTemplate;
  readonly http?: unknown;
  readonly plugin?: unknown;
  readonly steps?: unknown;
  readonly dag?: unknown;
  readonly suspend?: unknown;
  readonly sidecars?: readonly (Container & { readonly name: string })[];
  readonly initContainers?: readonly (Container & { readonly name: string })[];
  readonly archiveLocation?: ArtifactLocation;
}
