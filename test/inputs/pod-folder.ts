import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openDriver } from "../../src/artifacts/index.ts";
import type { InputLoader } from "../../src/inputs/index.ts";
import type { Logger } from "../../src/log/index.ts";
import { PodPaths } from "../../src/podfiles/index.ts";
import { surroundings } from "../drivers/surroundings.ts";

export interface PodFolder {
  readonly loader: InputLoader;
  /** Messages of the log, in order. */
  readonly said: readonly string[];
}

/** A pod's files in a private folder, with the drivers that need no server (raw). */
export function makePod(t: TestContext): PodFolder {
  const root = mkdtempSync(join(tmpdir(), "outrider-inputs-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const folder of ["var/run/argo", "argo/inputs/artifacts", "mainctrfs"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  const said: string[] = [];
  const note = (_fields: object, message: string) => void said.push(message);
  const log: Logger = { debug: note, info: note, warn: note, error: note };
  return {
    loader: {
      paths: new PodPaths(root),
      openDriver: (location) => openDriver(location, surroundings()),
      log,
    },
    said,
  };
}
