import { lstat, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { ExecutorError, errorText } from "../src/errors/index.ts";
import { loadInputs } from "../src/inputs/index.ts";
import type { Logger } from "../src/log/index.ts";
import { PodPaths } from "../src/podfiles/index.ts";
import { type Artifact, type ArtifactLocation, getKey } from "../src/template/index.ts";
import type { OpenDriver } from "./input-files.ts";

/** An output artifact as it came to the desk. */
export interface FetchedArtifact {
  readonly name: string;
  /** On this machine; undefined if it could not be fetched. */
  readonly path: string | undefined;
  readonly isFolder: boolean;
  readonly files: number;
  readonly sizeBytes: number;
  readonly error: string | undefined;
}

/** Says that what is in a folder came from a run, and may be replaced by the next. */
const marker = ".argoexec-run";

/**
 * Makes the folder for a run's outputs, or empties it of those of an earlier run.
 * Throws BadRequest for a folder with other content: nothing of the user's is ever deleted.
 */
export async function openOutputFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  const names = await readdir(path);
  if (names.length > 0 && !names.includes(marker)) {
    throw new ExecutorError(
      "BadRequest",
      `${path} has files that did not come from a run: choose another folder with --out`,
    );
  }
  await Promise.all(names.map((name) => rm(join(path, name), { recursive: true })));
  await writeFile(
    join(path, marker),
    "The outputs of argoexec run; the next run into this folder replaces them.\n",
  );
}

/** Fetches artifacts into the folder, unpacked, each under its name; one that fails does not keep the others back. */
export async function fetchArtifacts(
  artifacts: readonly Artifact[],
  archiveLocation: ArtifactLocation | undefined,
  folder: string,
  tools: { readonly openDriver: OpenDriver; readonly log: Logger },
  signal: AbortSignal,
): Promise<readonly FetchedArtifact[]> {
  const fetched: FetchedArtifact[] = [];
  for (const artifact of artifacts) {
    const { name } = artifact;
    const path = join(folder, fileName(artifact));
    try {
      const loader = { ...tools, paths: new OutputPaths(path) };
      const input = { ...artifact, path: "/any" };
      await loadInputs(
        loader,
        { inputs: { artifacts: [input] }, ...(archiveLocation ? { archiveLocation } : {}) },
        signal,
      );
      fetched.push({ name, path, error: undefined, ...(await measure(path)) });
    } catch (error) {
      fetched.push({
        name,
        path: undefined,
        isFolder: false,
        files: 0,
        sizeBytes: 0,
        error: errorText(error),
      });
    }
  }
  return fetched;
}

/** Everything is loaded to one place. */
class OutputPaths extends PodPaths {
  readonly #destination: string;

  constructor(destination: string) {
    super("");
    this.#destination = destination;
  }

  override input(): string {
    return this.#destination;
  }
}

/** The artifact's name with the extension that its file had; logs, which have no path, are named as in the store. */
function fileName(artifact: Artifact): string {
  if (!artifact.path) return basename(getKey(artifact)) || artifact.name;
  const extension = extname(artifact.path);
  return extname(artifact.name) === extension ? artifact.name : `${artifact.name}${extension}`;
}

async function measure(path: string): Promise<{ isFolder: boolean; files: number; sizeBytes: number }> {
  const found = await stat(path);
  if (!found.isDirectory()) return { isFolder: false, files: 1, sizeBytes: found.size };
  let files = 0;
  let sizeBytes = 0;
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    files += 1;
    sizeBytes += (await lstat(join(entry.parentPath, entry.name))).size;
  }
  return { isFolder: true, files, sizeBytes };
}
