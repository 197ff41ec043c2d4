import { access } from "node:fs/promises";
import { resolve } from "node:path";
import type { ArtifactDriver } from "../src/artifacts/index.ts";
import { ExecutorError } from "../src/errors/index.ts";
import type { Logger } from "../src/log/index.ts";
import { OutputRequests, ServedFiles, saveArtifacts, VolumeServer } from "../src/outputs/index.ts";
import {
  type Artifact,
  type ArtifactLocation,
  hasLocationOrKey,
  joinKey,
  withKey,
} from "../src/template/index.ts";
import type { Manifest } from "./manifest.ts";

/** Opens a driver with the secrets of this run. */
export type OpenDriver = (location: ArtifactLocation) => Promise<ArtifactDriver>;

export interface InputStore {
  readonly openDriver: OpenDriver;
  readonly log: Logger;
  /** The repository's location, without a key. */
  readonly location: ArtifactLocation;
  /** In front of every key. */
  readonly folder: string;
  /** The static program, which reads the files. */
  readonly program: string;
}

/**
 * The template's input artifacts, each with a location: a local file or folder given for it is uploaded as a step
 * before would have saved it; an entrypoint's comes with the workflow's arguments.
 * Throws BadRequest for one that is required and has neither, and for a name that the template does not have.
 */
export async function locateInputs(
  manifest: Manifest,
  artifacts: readonly Artifact[],
  given: ReadonlyMap<string, string>,
  store: InputStore,
  signal: AbortSignal,
): Promise<readonly Artifact[]> {
  const { template, workflow, isEntrypoint } = manifest;
  for (const name of given.keys()) {
    if (artifacts.some((artifact) => artifact.name === name)) continue;
    const known = artifacts.map((artifact) => artifact.name).join(", ") || "none";
    throw new ExecutorError(
      "BadRequest",
      `template ${template.name ?? ""} has no input artifact ${name}; it has: ${known}`,
    );
  }
  const fromArguments = isEntrypoint ? (workflow.spec.arguments?.artifacts ?? []) : [];
  return Promise.all(
    artifacts.map(async (artifact) => {
      const path = given.get(artifact.name);
      if (path !== undefined) return upload(artifact, path, store, signal);
      const argument = fromArguments.find(({ name }) => name === artifact.name);
      const located = argument ? { ...artifact, ...argument, path: artifact.path ?? "" } : artifact;
      if (hasLocationOrKey(located) || located.optional) return located;
      throw new ExecutorError(
        "BadRequest",
        `input artifact ${artifact.name} has no location here: give a file or folder, --artifact ${artifact.name}=PATH`,
      );
    }),
  );
}

async function upload(
  artifact: Artifact,
  given: string,
  store: InputStore,
  signal: AbortSignal,
): Promise<Artifact> {
  const path = resolve(given);
  await access(path).catch((cause) => {
    throw new ExecutorError("NotFound", `input artifact ${artifact.name}: there is no ${path}`, { cause });
  });
  const { archive, name } = artifact;
  const warn = (message: string) => store.log.warn({}, message);
  // Files where they are on this machine.
  const view = { root: "/", inputs: "/argo/inputs/artifacts", mounts: [] };
  await using volumes = new VolumeServer(store.program, view);
  const files = new ServedFiles(new OutputRequests(volumes, warn), warn);
  const saver = {
    archiveLocation: withKey(store.location, joinKey(store.folder, name)),
    openDriver: store.openDriver,
    filesFor: () => files,
    log: store.log,
    compression: "gzip" as const,
  };
  const { artifacts, errors } = await saveArtifacts(
    saver,
    [{ name, path, ...(archive ? { archive } : {}) }],
    signal,
  );
  const [saved] = artifacts;
  if (!saved) throw errors[0] ?? new ExecutorError("Internal", `input artifact ${name} was not stored`);
  return { ...artifact, ...saved, path: artifact.path ?? "" };
}
