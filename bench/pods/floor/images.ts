import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cluster } from "../../../test/cluster/cluster.ts";
import { buildArgo } from "../../../test/cluster/prerequisites.ts";
import { type Executor, floorImage, otherImage, referenceImage } from "./kinds.ts";

export interface Peers {
  readonly executors: readonly Executor[];
  /** Why the reference is not among them. */
  readonly whyNoReference: string | undefined;
}

/**
 * Brings the images that ours is measured beside to the node.
 * @param other the root folder of an image of ours of another commit, if there is one
 */
export async function importPeers(
  cluster: Cluster,
  other: string | undefined,
  say: (text: string) => void,
): Promise<Peers> {
  if (other !== undefined) {
    await cluster.importImage(other, { Env: ["PATH=/bin"], Entrypoint: ["argoexec"] }, [otherImage]);
  }
  const whyNoReference = await importStock(cluster, say);
  const executors: readonly (Executor | false)[] = [
    "floor",
    "ours",
    other !== undefined && "other",
    whyNoReference === undefined && "reference",
  ];
  return { executors: executors.filter((executor) => executor !== false), whyNoReference };
}

async function importStock(cluster: Cluster, say: (text: string) => void): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-floor-"));
  try {
    await importFloor(cluster, folder);
    const program = await buildArgo("argoexec", say);
    const stock = join(folder, "stock");
    for (const name of ["bin", "tmp"]) mkdirSync(join(stock, name), { recursive: true });
    chmodSync(join(stock, "tmp"), 0o1777);
    copyFileSync(program, join(stock, "bin/argoexec"));
    await cluster.importImage(stock, { Env: ["PATH=/bin"], Entrypoint: ["argoexec"] }, [referenceImage]);
    return undefined;
  } catch (error) {
    const { stderr } = error as { readonly stderr?: string };
    // Behind what was downloaded stands what the compiler says.
    if (stderr === undefined) throw error;
    return stderr.trim().split("\n").at(-1) ?? "";
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function importFloor(cluster: Cluster, folder: string): Promise<void> {
  const floor = join(folder, "floor");
  mkdirSync(floor);
  const source = join(folder, "nothing.c");
  writeFileSync(source, "int main(void) { return 0; }\n");
  const compiled = spawnSync("cc", ["-static", "-O2", "-o", join(floor, "nothing"), source]);
  if (compiled.status !== 0) throw new Error(`cc has failed: ${compiled.stderr}`);
  await cluster.importImage(floor, { Entrypoint: ["/nothing"] }, [floorImage]);
}
