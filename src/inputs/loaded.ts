import type { UnpackStrategy } from "../archive/index.ts";
import type { StoredArtifact } from "../artifacts/index.ts";
import type { Logger } from "../log/index.ts";
import type { Artifact } from "../template/index.ts";
import { span } from "../tracing/index.ts";

/** What the store has, on its way to its place. */
export interface Loaded<Stored extends StoredArtifact = StoredArtifact> {
  readonly stored: Stored;
  readonly artifact: Artifact;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Somebody else writes it, to a path. */
export type LoadedElsewhere = Loaded<StoredArtifact & { kind: "either" }>;
/** We write it. */
export type LoadedHere = Loaded<Exclude<StoredArtifact, { kind: "either" }>>;

/** Precedence on input: none, tar, zip, else detection by content (docs/contract/pod.md#7.1). */
export function unpackStrategy({ archive }: Artifact): UnpackStrategy {
  if (archive?.none) return "none";
  if (archive?.tar) return "tar";
  if (archive?.zip) return "zip";
  return "auto";
}

/** Detection is said to be tar, as in the reference, which knows no other. */
export function unarchived(strategy: UnpackStrategy, work: () => Promise<void>): Promise<void> {
  return span("unarchiveArtifact", { archive: strategy === "auto" ? "tar" : strategy }, work);
}
