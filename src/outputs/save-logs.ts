import { ExecutorError, errorText } from "../errors/index.ts";
import type { PodPaths } from "../podfiles/index.ts";
import { type Artifact, relocate, withGeneratedKey, withRequiredFields } from "../template/index.ts";
import { span } from "../tracing/index.ts";
import { CapturedLog } from "./captured-log.ts";
import { deleteParts, type LogSaver, type SpooledLog, spooledParts, unreadParts } from "./log-spool.ts";
import type { SavedArtifacts } from "./save-artifacts.ts";

/**
 * Uploads what each main container printed, as artifact `<name>-logs` under `<name>.log`, never archived; what was taken
 * to the store while the container ran comes first. A container
 * whose command never started has no log, which is no error (docs/contract/pod.md#5.6.3).
 */
export async function saveLogs(
  saver: LogSaver,
  paths: PodPaths,
  logs: readonly SpooledLog[],
  signal: AbortSignal,
): Promise<SavedArtifacts> {
  return await span("saveLogs", {}, () => saveEachLog(saver, paths, logs, signal));
}

async function saveEachLog(
  saver: LogSaver,
  paths: PodPaths,
  logs: readonly SpooledLog[],
  signal: AbortSignal,
): Promise<SavedArtifacts> {
  const artifacts: Artifact[] = [];
  const errors: Error[] = [];
  for (const spooled of logs) {
    const { container } = spooled;
    try {
      const saved = await span("saveContainerLogs", { container_name: container }, () =>
        saveLog(saver, paths, spooled, signal),
      );
      if (saved) artifacts.push(saved);
      else saver.log.warn({ container }, "no log to save: the command never started");
    } catch (error) {
      const begun =
        spooled.endBytes === 0 ? "" : `, but its first ${spooled.endBytes} bytes are stored beside it`;
      errors.push(ExecutorError.wrap(error, `logs of container ${container} failed to save${begun}`));
    }
  }
  return { artifacts, errors };
}

async function saveLog(
  saver: LogSaver,
  paths: PodPaths,
  spooled: SpooledLog,
  signal: AbortSignal,
): Promise<Artifact | undefined> {
  const { container, endBytes } = spooled;
  await using captured = await CapturedLog.open(paths, container, endBytes);
  if (captured === undefined) return undefined;
  const { leftOutBytes } = captured;
  if (leftOutBytes > 0) saver.log.warn({ container, leftOutBytes }, "a part of the log was not kept");
  const fileName = `${container}.log`;
  const bare = { name: `${container}-logs` };
  const reported = withRequiredFields(withGeneratedKey(bare, saver.archiveLocation, fileName));
  const located = relocate(reported, saver.archiveLocation);
  await using driver = await saver.openDriver(located);
  try {
    const earlier = spooledParts(saver, spooled, signal);
    await driver.saveFile(located, captured.content(fileName, earlier), signal);
  } catch (error) {
    if (endBytes === 0) throw error;
    // That a part was taken while the step ran must not cost the rest of the log, or fail the pod.
    saver.log.warn(
      { container, error: errorText(error) },
      "the log is saved without its beginning, which lies beside it",
    );
    await driver.saveFile(located, captured.content(fileName, [unreadParts(spooled)]), signal);
    return reported;
  }
  await deleteParts(saver, spooled, signal);
  return reported;
}
