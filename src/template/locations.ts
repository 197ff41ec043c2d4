import { posix } from "node:path";
import { ExecutorError } from "../errors/index.ts";
import { type LocationType, locationKinds, locationTypes } from "./location-kinds.ts";
import type { Artifact, ArtifactLocation } from "./types.ts";

const notConfigured =
  "artifact storage is not configured; see the docs for setup instructions: " +
  "https://argo-workflows.readthedocs.io/en/latest/configure-artifact-repository/";
const noLocation = "key unsupported: cannot get key for artifact location, because it is invalid";

/** The type of a location, or undefined where none is given. */
export function locationType(location: ArtifactLocation | undefined): LocationType | undefined {
  return locationTypes.find((type) => location?.[type] !== undefined && location[type] !== null);
}

/** The key of a location. Throws BadRequest where a type has none (git, raw) or no type is given. */
export function getKey(location: ArtifactLocation | undefined): string {
  if (location === undefined) throw new ExecutorError("BadRequest", noLocation);
  const type = locationType(location);
  switch (type) {
    case undefined:
      throw new ExecutorError("BadRequest", notConfigured);
    case "git":
      throw new ExecutorError("BadRequest", "key unsupported: git artifact does not have a key");
    case "raw":
      throw new ExecutorError("BadRequest", "key unsupported: raw artifat does not have key");
    case "http":
    case "artifactory":
      return urlPath(location[type]?.url ?? "");
    default:
      return fieldOf(location, type, locationKinds[type].keyField ?? "");
  }
}

/** The location with another key; a URL keeps its scheme, host and query. */
export function withKey<L extends ArtifactLocation>(location: L, key: string): L {
  const type = locationType(location);
  switch (type) {
    case undefined:
      throw new ExecutorError("BadRequest", notConfigured);
    case "git":
      throw new ExecutorError("BadRequest", "key unsupported: cannot set key on git artifact");
    case "raw":
      throw new ExecutorError("BadRequest", "key unsupported: cannot set key for raw artifact");
    case "http":
    case "artifactory":
      return {
        ...location,
        [type]: { ...location[type], url: replaceUrlPath(location[type]?.url ?? "", key) },
      };
    default:
      return { ...location, [type]: { ...location[type], [locationKinds[type].keyField ?? ""]: key } };
  }
}

export function hasKey(location: ArtifactLocation): boolean {
  const type = locationType(location);
  return type !== undefined && locationKinds[type].keyField !== undefined && getKey(location) !== "";
}

/**
 * True for a location that needs nothing from the archive location (docs/contract/pod.md#7.2, "full location when").
 */
export function hasLocation(location: ArtifactLocation): boolean {
  const type = locationType(location);
  if (type === undefined) return false;
  const fields = location[type] as Readonly<Record<string, unknown>>;
  return locationKinds[type].fullWith.every((name) => isFilled(fields[name]));
}

function isFilled(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== "";
}

/** The bucket of a location; undefined where it names none. */
export function bucketOf(location: ArtifactLocation): string | undefined {
  const type = locationType(location);
  const field = type === undefined ? undefined : locationKinds[type].bucketField;
  return type === undefined || field === undefined ? undefined : fieldOf(location, type, field) || undefined;
}

export function hasLocationOrKey(location: ArtifactLocation): boolean {
  return hasLocation(location) || hasKey(location);
}

/**
 * The artifact as a driver sees it: a full location stays; otherwise the whole location is the archive location's,
 * under the artifact's own key (docs/contract/pod.md#7.3 Relocate).
 */
export function relocate(artifact: Artifact, archive: ArtifactLocation | undefined): Artifact {
  if (hasLocation(artifact)) return artifact;
  if (archive === undefined) throw new ExecutorError("BadRequest", "template artifact location not set");
  const key = getKey(artifact);
  return withKey({ ...withoutLocation(artifact), ...archive }, key);
}

/**
 * The artifact with the archive location's type and `join(archive key, fileName)` as its key, for an output that has
 * no key of its own. Whatever location it had goes (docs/contract/pod.md#5.6.2, #defect-29), credentials and bucket are
 * not copied, and the fields that the CRD requires are there, empty (docs/contract/pod.md#6.2).
 */
export function withGeneratedKey(
  artifact: Artifact,
  archive: ArtifactLocation | undefined,
  fileName: string,
): Artifact {
  const archiveKey = getKey(archive);
  const type = locationType(archive);
  if (type === undefined) throw new ExecutorError("BadRequest", notConfigured);
  if (type === "git") {
    throw new ExecutorError("BadRequest", "set type not supported for type: *v1alpha1.GitArtifact");
  }
  return withKey(
    { ...withoutLocation(artifact), [type]: locationKinds[type].required },
    joinKey(archiveKey, fileName),
  );
}

/** Go's path.Join: slashes collapsed, `.` and `..` resolved, no trailing slash; empty for nothing. */
export function joinKey(...elements: readonly string[]): string {
  const present = elements.filter((element) => element !== "");
  if (present.length === 0) return "";
  const joined = posix.normalize(present.join("/"));
  return joined.length > 1 && joined.endsWith("/") ? joined.slice(0, -1) : joined;
}

/**
 * Emits the fields that Go's encoder never omits, so that the CRD accepts what we report
 * (docs/contract/artifacts.md#2.1).
 */
export function withRequiredFields(artifact: Artifact): Artifact {
  const type = locationType(artifact);
  if (type === undefined) return artifact;
  return { ...artifact, [type]: { ...locationKinds[type].required, ...artifact[type] } };
}

function withoutLocation(artifact: Artifact): Artifact {
  const rest: Record<string, unknown> = { ...artifact };
  for (const type of locationTypes) delete rest[type];
  delete rest.archiveLogs;
  return rest as unknown as Artifact;
}

function fieldOf(location: ArtifactLocation, type: LocationType, field: string): string {
  const value = (location[type] as Record<string, unknown> | undefined)?.[field];
  return typeof value === "string" ? value : "";
}

/** The path of a URL, decoded, or of a bare path such as an Artifactory key. */
function urlPath(url: string): string {
  const { path } = splitUrl(url);
  try {
    return decodeURIComponent(path);
  } catch {
    // A stray percent sign: Go would refuse the URL, the store will say so better than we can.
    return path;
  }
}

function replaceUrlPath(url: string, path: string): string {
  const { origin, rest } = splitUrl(url);
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  const slash = origin !== "" && !encoded.startsWith("/") ? "/" : "";
  return `${origin}${slash}${encoded}${rest}`;
}

function splitUrl(url: string): { origin: string; path: string; rest: string } {
  const parts = /^([a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^/?#]*)?([^?#]*)(.*)$/s.exec(url);
  return { origin: parts?.[1] ?? "", path: parts?.[2] ?? "", rest: parts?.[3] ?? "" };
}
