import { basename } from "node:path";
import type { Readable } from "node:stream";
import type { ArtifactDriver } from "../artifacts/index.ts";
import { ExecutorError, isExecutorError } from "../errors/index.ts";
import type { Logger } from "../log/index.ts";
import type { FileContent } from "../streams/index.ts";
import {
  type Artifact,
  type ArtifactLocation,
  cleanArtifactPath,
  hasKey,
  hasLocation,
  relocate,
  withGeneratedKey,
  withRequiredFields,
} from "../template/index.ts";
import { type NamedSpan, span } from "../tracing/index.ts";
import type { OutputFiles } from "./output-files.ts";
import { compressed, isZstd, type TarCompression } from "./packed-outputs.ts";

export interface OutputSaver {
  readonly archiveLocation: ArtifactLocation | undefined;
  /** Where the bytes of a path are. */
  readonly filesFor: (path: string) => OutputFiles;
  readonly openDriver: (location: ArtifactLocation) => Promise<ArtifactDriver>;
  readonly log: Logger;
  /** Told what is saved whenever one more is, in the template's order. */
  readonly onSaved?: (artifacts: readonly Artifact[]) => void;
  /** What the template asks for; see packed-outputs.ts. */
  readonly compression: TarCompression;
}

export interface SavedArtifacts {
  /** What was saved, in the template's order, as it is reported. */
  readonly artifacts: readonly Artifact[];
  readonly errors: readonly Error[];
}

/** Outputs on their way at once; each is itself many requests wide. */
const savesMax = 2;

/**
 * Saves every output artifact; one that fails does not stop the others, an optional one that is missing is left out
 * (docs/contract/pod.md#5.6.2).
 */
export async function saveArtifacts(
  saver: OutputSaver,
  artifacts: readonly Artifact[],
  signal: AbortSignal,
): Promise<SavedArtifacts> {
  if (artifacts.length === 0) return { artifacts: [], errors: [] };
  return await span("saveArtifacts", {}, (around) => saveEach(saver, artifacts, around, signal));
}

async function saveEach(
  saver: OutputSaver,
  artifacts: readonly Artifact[],
  around: NamedSpan,
  signal: AbortSignal,
): Promise<SavedArtifacts> {
  const outcomes: (Artifact | Error | undefined)[] = new Array(artifacts.length).fill(undefined);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < artifacts.length; index = next++) {
      const artifact = artifacts[index];
      if (!artifact?.path) continue;
      around.event("upload artifact", { file: artifact.name });
      outcomes[index] = await saveOrExplain(saver, artifact, signal);
      saver.onSaved?.(saved());
    }
  };
  const saved = () =>
    outcomes.filter((outcome): outcome is Artifact => outcome !== undefined && !(outcome instanceof Error));
  await Promise.all(Array.from({ length: savesMax }, worker));
  return {
    artifacts: saved(),
    errors: outcomes.filter((outcome) => outcome instanceof Error),
  };
}

async function saveOrExplain(
  saver: OutputSaver,
  artifact: Artifact,
  signal: AbortSignal,
): Promise<Artifact | Error | undefined> {
  try {
    return await span("saveArtifact", { "artifact.name": artifact.name }, () =>
      saveArtifact(saver, artifact, signal),
    );
  } catch (error) {
    if (artifact.optional && isExecutorError(error, "NotFound")) {
      saver.log.warn(
        { artifactName: artifact.name, path: artifact.path },
        "optional artifact not found, left out",
      );
      return undefined;
    }
    return ExecutorError.wrap(error, `artifact ${artifact.name} failed to save`);
  }
}

/** Saves one artifact and returns it as it is reported: never with the relocated location's bucket or credentials. */
async function saveArtifact(saver: OutputSaver, artifact: Artifact, signal: AbortSignal): Promise<Artifact> {
  const path = cleanArtifactPath(artifact);
  const files = saver.filesFor(path);
  const found = await files.look(path, signal);
  const strategy = saveStrategy(artifact);
  const cleaned = { ...artifact, path };
  const reported = withRequiredFields(
    hasKey(cleaned) || hasLocation(cleaned)
      ? cleaned
      : withGeneratedKey(cleaned, saver.archiveLocation, keyName(artifact, path, strategy)),
  );
  const located = relocate(reported, saver.archiveLocation);
  await using driver = await saver.openDriver(located);
  if (strategy === "none" && found.kind === "directory") {
    const tree = files.tree(path, signal);
    // Undefined: the store reads the directory itself.
    let filesCount: number | undefined;
    await driver.saveTree(
      located,
      {
        ...tree,
        files: (either) => {
          filesCount = 0;
          return counted(tree.files(either), () => {
            filesCount = (filesCount ?? 0) + 1;
          });
        },
      },
      signal,
    );
    if (filesCount === 0) {
      saver.log.warn(
        { artifactName: artifact.name },
        "the directory has no files, so nothing is stored, and a step that needs it will not find it; archive: tar keeps it",
      );
    }
  } else {
    const usesZstd = strategy === "tar" && isZstd(located, saver.compression);
    const pack = (tar: Readable) => compressed(tar, artifact, { usesZstd, log: saver.log, signal });
    const content =
      strategy === "none" && found.kind === "file"
        ? files.file(path, found.sizeBytes, signal)
        : // Packing and sending are one stream.
          packedContent(keyName(artifact, path, strategy), () => pack(files.tar(path, signal)));
    await span("archiveArtifact", { archive: strategy }, () => driver.saveFile(located, content, signal));
  }
  return reported;
}

async function* counted<T>(items: AsyncIterable<T>, count: () => void): AsyncGenerator<T, void, undefined> {
  for await (const item of items) {
    count();
    yield item;
  }
}

type SaveStrategy = "tar" | "none" | "zip";

/** `archive: {}` counts as tar wherever the bytes come from (docs/contract/artifacts.md#2.5). */
function saveStrategy({ archive }: Artifact): SaveStrategy {
  if (archive?.none) return "none";
  return archive?.zip ? "zip" : "tar";
}

function keyName(artifact: Artifact, path: string, strategy: SaveStrategy): string {
  switch (strategy) {
    case "none":
      return basename(path);
    case "tar":
      return `${artifact.name}.tgz`;
    case "zip":
      return `${artifact.name}.zip`;
  }
}

function packedContent(name: string, open: () => Readable): FileContent {
  return { name, sizeBytes: undefined, replayable: true, open };
}
