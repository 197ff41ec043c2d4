import { basename } from "node:path";
import { type PodPaths, SharedFolder } from "../podfiles/index.ts";

/** Main gives the supervisor up for dead after 30 s without a sign (docs/contract/pod.md#5.7). */
const beatMs = 5000;

/**
 * Shows main that the supervisor is alive, from now until `stop` resolves. The first beat is awaited, so that a
 * volume that cannot be written is an error at once; later ones may fail, for main allows for six of them.
 */
export async function startHeartbeat(paths: PodPaths): Promise<{ stop(): Promise<void> }> {
  await writeStatus(paths, "RUNNING\n");
  let beat = Promise.resolve();
  const timer = setInterval(() => {
    beat = beat.then(() => writeStatus(paths, "RUNNING\n")).catch(() => undefined);
  }, beatMs);
  return {
    async stop() {
      clearInterval(timer);
      await beat;
    },
  };
}

/** The status marker that emissaries wait for (docs/contract/pod.md#5.7): `RUNNING`, `READY`, or `FAILED` and why. */
export async function writeStatus(paths: PodPaths, text: string): Promise<void> {
  await using shared = await SharedFolder.open(paths.runtime);
  await shared.publish(basename(paths.status), text, 0o644);
}
