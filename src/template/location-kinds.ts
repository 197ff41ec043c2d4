/** What an artifact's location can be, in the order in which the first present one counts (docs/contract/pod.md#7.2). */
export const locationTypes = [
  "artifactory",
  "azure",
  "git",
  "gcs",
  "hdfs",
  "http",
  "oss",
  "raw",
  "s3",
  "plugin",
] as const;

export type LocationType = (typeof locationTypes)[number];

/** What Argo's fields mean in one kind of location. */
export interface LocationKind {
  /** The field that names an object; undefined where a location names none. */
  readonly keyField?: string;
  /** The field that names the bucket, where there are buckets. */
  readonly bucketField?: string;
  /** Fields whose presence makes a location that needs nothing from the archive location (docs/contract/pod.md#7.2). */
  readonly fullWith: readonly string[];
  /** Fields that the CRD insists on (docs/contract/pod.md#6.2), empty. */
  readonly required: Readonly<Record<string, string>>;
  /**
   * True where a part of a log may be put while the step runs, because it can be taken away again. That a plugin takes
   * streams, and Artifactory allows deletion, shows when it is tried.
   */
  readonly takesLogParts: boolean;
  /** True where the reference's list of no keys is an empty one, and not Go's nil (docs/contract/artifacts.md#2.11). */
  readonly listsEmptyAsList?: true;
}

/** All that shared code knows of the kinds of location. What their stores can do is in `artifacts/registry.ts`. */
export const locationKinds: Readonly<Record<LocationType, LocationKind>> = {
  artifactory: {
    keyField: "url",
    fullWith: ["url", "usernameSecret"],
    required: { url: "" },
    takesLogParts: true,
  },
  azure: {
    keyField: "blob",
    bucketField: "container",
    fullWith: ["endpoint", "container", "blob"],
    required: { endpoint: "", container: "", blob: "" },
    takesLogParts: true,
  },
  git: { fullWith: ["repo"], required: { repo: "" }, takesLogParts: false },
  gcs: {
    keyField: "key",
    bucketField: "bucket",
    fullWith: ["bucket", "key"],
    required: { key: "" },
    takesLogParts: true,
    listsEmptyAsList: true,
  },
  hdfs: { keyField: "path", fullWith: ["addresses"], required: { path: "" }, takesLogParts: true },
  http: { keyField: "url", fullWith: ["url"], required: { url: "" }, takesLogParts: false },
  oss: {
    keyField: "key",
    bucketField: "bucket",
    fullWith: ["bucket", "endpoint", "key"],
    required: { key: "" },
    takesLogParts: true,
  },
  raw: { fullWith: [], required: { data: "" }, takesLogParts: false },
  s3: {
    keyField: "key",
    bucketField: "bucket",
    fullWith: ["endpoint", "bucket", "key"],
    required: {},
    takesLogParts: true,
  },
  plugin: {
    keyField: "key",
    fullWith: ["name", "configuration", "key"],
    required: { key: "" },
    takesLogParts: true,
  },
};
