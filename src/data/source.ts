import type { ArtifactDriver } from "../artifacts/index.ts";
import { ExecutorError } from "../errors/index.ts";
import {
  type Artifact,
  type ArtifactLocation,
  bucketOf,
  type DataTemplate,
  hasLocation,
  locationKinds,
  locationType,
  relocate,
} from "../template/index.ts";
import { PackedKeys } from "./packed-keys.ts";

/** The keys that a data template begins with. */
export interface SourceKeys {
  readonly keys: PackedKeys;
  /** No keys are Go's nil list, which becomes `null`, or an empty list. */
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
    const type = locationType(artifact);
    return { keys, isNilWhenEmpty: type === undefined || locationKinds[type].listsEmptyAsList !== true };
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
  const field = type === undefined ? undefined : locationKinds[type].bucketField;
  const own = bucketOf(artifact);
  if (hasLocation(artifact) || type === undefined || field === undefined || own === undefined) return located;
  if (locationType(located) !== type) return located;
  return { ...located, [type]: { ...located[type], [field]: own } };
}
