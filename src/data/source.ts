import type { ArtifactDriver } from "../artifacts/index.ts";
import { ExecutorError } from "../errors/index.ts";
import {
  type Artifact,
  type ArtifactLocation,
  type DataTemplate,
  hasLocation,
  locationType,
  relocate,
} from "../template/index.ts";
import { PackedKeys } from "./packed-keys.ts";

/** Which field holds the bucket, where a store has buckets. */
const bucketFields: Readonly<Partial<Record<string, string>>> = {
  s3: "bucket",
  gcs: "bucket",
  oss: "bucket",
  azure: "container",
};

/** The keys that a data template begins with. */
export interface SourceKeys {
  readonly keys: PackedKeys;
  /** No keys are Go's nil list, which becomes `null`; one store makes an empty list of it. */
  readonly isNilWhenEmpty: boolean;
}

/**
 * Lists what lies below the source's key (docs/contract/roles.md#3). Throws BadRequest where there is no source or location,
 * Unsupported for stores that cannot list.
 */
export async function listSource(
  { source }: DataTemplate,
  archive: ArtifactLocation | undefined,
  openDriver: (location: ArtifactLocation) => Promise<ArtifactDriver>,
  signal: AbortSignal,
): Promise<SourceKeys> {
  if (!source?.artifactPaths) {
    throw new ExecutorError("BadRequest", "no valid source is used for data template");
  }
  try {
    const artifact = locateSource({ name: "", ...source.artifactPaths }, archive);
    await using driver = await openDriver(artifact);
    const keys = new PackedKeys();
    for await (const { key } of driver.list(artifact, signal)) keys.add(key);
    return { keys, isNilWhenEmpty: locationType(artifact) !== "gcs" };
  } catch (error) {
    throw ExecutorError.wrap(error, "unable to source artifact paths");
  }
}

/**
 * Without a key of its own an artifact has its store and credentials from the archive location, and its bucket too,
 * unless it names one.
 */
export function locateSource(artifact: Artifact, archive: ArtifactLocation | undefined): Artifact {
  const located = relocate(artifact, archive);
  const type = locationType(artifact);
  const field = type === undefined ? undefined : bucketFields[type];
  if (hasLocation(artifact) || type === undefined || field === undefined) return located;
  const own = (artifact[type] as Readonly<Record<string, unknown>>)[field];
  if (!own || locationType(located) !== type) return located;
  return { ...located, [type]: { ...located[type], [field]: own } };
}
