import type { TestContext } from "node:test";
import { type DriverContext, openDriver } from "../../src/artifacts/index.ts";
import type { GitLocation } from "../../src/template/index.ts";
import { patience, surroundings, temporaryFolder } from "./surroundings.ts";

/** Loads a git artifact into a new folder, which it resolves with. */
export async function loadGit(
  t: TestContext,
  location: GitLocation,
  context: DriverContext = surroundings(),
  signal: AbortSignal = patience(),
): Promise<string> {
  const folder = await temporaryFolder(t);
  const artifact = { name: "source", git: location };
  await using driver = await openDriver(artifact, context);
  const stored = await driver.open(artifact, signal);
  if (stored.kind !== "directory") throw new Error("a checkout is a directory");
  await stored.download(folder);
  return folder;
}
