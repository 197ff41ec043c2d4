import { posix } from "node:path";
import { ExecutorError } from "../errors/index.ts";
import type { Artifact, Template, VolumeMount } from "./types.ts";

/**
 * An artifact's path, cleaned lexically. A path that climbs out of the folder in front of its first `..` is refused
 * (docs/contract/pod.md#7.3 CleanPath).
 */
export function cleanArtifactPath(artifact: Artifact): string {
  const path = artifact.path ?? "";
  if (path === "")
    throw new ExecutorError("BadRequest", `Artifact '${artifact.name}' did not specify a path`);
  const cleaned = cleanPath(path);
  const climb = path.indexOf("/../");
  const safeDir = climb >= 0 ? path.slice(0, climb) : path.endsWith("/..") ? path.slice(0, -3) : "";
  if (safeDir !== "" && !cleaned.startsWith(`${safeDir}/`)) {
    throw new ExecutorError(
      "BadRequest",
      `Artifact '${artifact.name}' attempted to use a path containing '..'. Directory traversal is not permitted`,
    );
  }
  return cleaned;
}

/** Go's path.Clean. */
export function cleanPath(path: string): string {
  if (path === "") return ".";
  const cleaned = posix.normalize(path);
  return cleaned.length > 1 && cleaned.endsWith("/") ? cleaned.slice(0, -1) : cleaned;
}

/** True if `path` equals `folder` or lies below it, compared lexically after cleaning. */
export function isWithin(folder: string, path: string): boolean {
  const [parent, child] = [cleanPath(folder), cleanPath(path)];
  if (posix.isAbsolute(parent) !== posix.isAbsolute(child)) return false;
  if (parent === child || parent === "/") return true;
  if (parent === ".") return child !== ".." && !child.startsWith("../");
  return child.startsWith(`${parent}/`);
}

/**
 * The mounts that count for overlaps: the container's, else the script's, else the container set's
 * (docs/contract/pod.md#7.3).
 */
export function volumeMounts(template: Template): readonly VolumeMount[] {
  const owner = template.container ?? template.script ?? template.containerSet;
  return owner?.volumeMounts ?? [];
}

/**
 * The user volume that holds `path`, the one with the longest mount path first (docs/contract/pod.md#7.3
 * FindOverlappingVolume).
 */
export function findOverlappingVolume(template: Template, path: string): VolumeMount | undefined {
  return [...volumeMounts(template)]
    .sort((a, b) => b.mountPath.length - a.mountPath.length)
    .find((mount) => isWithin(mount.mountPath, path));
}
