import { ExecutorError } from "../errors/index.ts";
import type { PodPaths } from "../podfiles/index.ts";
import { type Artifact, relocate, withGeneratedKey, withRequiredFields } from "../template/index.ts";
import { span } from "../tracing/index.ts";
import { CapturedLog } from "./captured-log.ts";
import type { OutputSaver, SavedArtifacts } from "./save-artifacts.ts";

/**
 * Uploads what each main container printed, as artifact `<name>-logs` under `<name>.log`, never archived. A container
 * whose command never started has no log, which is no error (docs/contract/pod.md#5.6.3).
 */
export async function saveLogs(
  saver: OutputSaver,
  paths: PodPaths,
  containers: readonly string[],
  signal: AbortSignal,
): Promise<SavedArtifacts> {
  return await span("saveLogs", {}, () => saveEachLog(saver, paths, containers, signal));
}

async function saveEachLog(
  saver: OutputSaver,
  paths: PodPaths,
  containers: readonly string[],
  signal: AbortSignal,
): Promise<SavedArtifacts> {
  const artifacts: Artifact[] = [];
  const errors: Error[] = [];
  for (const container of containers) {
    try {
      const saved = await span("saveContainerLogs", { container_name: container }, () =>
        saveLog(saver, paths, container, signal),
      );
      if (saved) artifacts.push(saved);
      else saver.log.warn({ container }, "no log to save: the command never started");
    } catch (error) {
      errors.push(ExecutorError.wrap(error, `logs of container ${container} failed to save`));
    }
  }
  return { artifacts, errors };
}

async function saveLog(
  saver: OutputSaver,
  paths: PodPaths,
  container: string,
  signal: AbortSignal,
): Promise<Artifact | undefined> {
  await using captured = await CapturedLog.open(paths, container);
  if (captured === undefined) return undefined;
  const { leftOutBytes } = captured;
  if (leftOutBytes > 0) saver.log.warn({ container, leftOutBytes }, "only the end of the log was kept");
  const fileName = `${container}.log`;
  const bare = { name: `${container}-logs` };
  const reported = withRequiredFields(withGeneratedKey(bare, saver.archiveLocation, fileName));
  const located = relocate(reported, saver.archiveLocation);
  await using driver = await saver.openDriver(located);
  await driver.saveFile(located, captured.content(fileName), signal);
  return reported;
}
