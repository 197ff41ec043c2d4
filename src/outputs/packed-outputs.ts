import { pipeline, type Readable } from "node:stream";
import { gzip, packZip, zstd } from "../archive/index.ts";
import type { Logger } from "../log/index.ts";
import { byteStream } from "../streams/index.ts";
import {
  type Artifact,
  type ArtifactLocation,
  getKey,
  type Template,
  templateAnnotation,
} from "../template/index.ts";

/** How a tar archive is compressed whose key says so; every other is gzip. */
export type TarCompression = "gzip" | "zstd";

const annotation = "outrider.io/archive-compression";

/**
 * What the template's annotation asks for: `zstd`, for outputs whose key ends in `.tar.zst`. Argo's API has no field for
 * it, and its own executor cannot read it. Anything else is told and ignored: what a step has made is saved.
 */
export function tarCompression(template: Template, log: Logger): TarCompression {
  const wanted = templateAnnotation(template, annotation);
  if (wanted === "zstd" || wanted === "gzip") return wanted;
  if (wanted !== undefined) {
    log.warn({}, `the template's annotation ${annotation} is neither zstd nor gzip; archives are gzip`);
  }
  return "gzip";
}

/** Whether the archive of this artifact, a tar archive, is zstd. */
export function isZstd(location: ArtifactLocation, compression: TarCompression): boolean {
  return compression === "zstd" && getKey(location).endsWith(".tar.zst");
}

/** Compresses a tar stream as the artifact asks for. */
export function compressed(
  tar: Readable,
  artifact: Artifact,
  {
    usesZstd,
    log,
    signal,
  }: { readonly usesZstd: boolean; readonly log: Logger; readonly signal: AbortSignal },
): Readable {
  const warn = (message: string) => log.warn({ artifactName: artifact.name }, message);
  if (artifact.archive?.zip) return packZip(tar, { warn }, signal);
  const level = artifact.archive?.tar?.compressionLevel ?? -1;
  if (usesZstd) return byteStream(zstd(tar, { level }), 1024 * 1024);
  return piped(tar, gzip({ level }));
}

/** Pipes with errors: a source that fails fails the stream that comes out. */
function piped(source: Readable, transform: ReturnType<typeof gzip>): Readable {
  return pipeline(source, transform, (error) => {
    if (error) transform.destroy(error);
  });
}
