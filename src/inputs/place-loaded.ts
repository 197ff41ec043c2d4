import { constants } from "node:fs";
import { open, rename } from "node:fs/promises";
import type { Readable } from "node:stream";
import { unpack } from "../archive/index.ts";
import { type LoadedElsewhere, unarchived, unpackStrategy } from "./loaded.ts";
import { applyMode, openToMain } from "./permissions.ts";
import { removeTree } from "./pinned.ts";
import type { VolumeFolder } from "./volume-folder.ts";

/**
 * What a plugin writes itself stands aside until it is complete and known. A directory is taken as it is, a file may be
 * an archive. The plugin is told a path, for its container knows neither our descriptors nor our user; whatever we do
 * with what it left is done in the folder that is held open, where others may be at work.
 */
export async function placeLoaded(
  { artifact, log, signal, stored }: LoadedElsewhere,
  parent: VolumeFolder,
  name: string,
): Promise<void> {
  const strategy = unpackStrategy(artifact);
  const warn = (message: string) => log.warn({ artifactName: artifact.name }, message);
  const setModes = async (path: string) => {
    if (artifact.mode === undefined || artifact.mode === null) await openToMain(path, warn);
    else await applyMode(artifact, path);
  };
  const asideName = `${name}.tmp`;
  const aside = parent.path(asideName);
  await removeTree(aside);
  try {
    const kind = await stored.loadTo({ path: await parent.sharedPath(asideName), seenBy: aside });
    if (kind === "directory" || strategy === "none") {
      await setModes(aside);
      await rename(aside, parent.path(name));
      return;
    }
    await using own = await parent.makeOwn(`${name}.unpacked`);
    const unpacked = own.folder.path(name);
    await unarchived(strategy, async () => {
      await unpack(await openPlain(aside), strategy, unpacked, { warn }, signal);
    });
    await setModes(unpacked);
    await rename(unpacked, parent.path(name));
  } finally {
    await removeTree(aside);
  }
}

/** Whoever wrote the file could have put a link in its place since: that is not followed. */
async function openPlain(path: string): Promise<Readable> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  return file.createReadStream({ highWaterMark: 1024 * 1024 });
}
