import { chmod, copyFile, mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { ExecutorError, errorText } from "../errors/index.ts";
import { publishFile } from "../files/index.ts";
import { containerPlans, type PlanContext, type PodPaths, SharedFolder } from "../podfiles/index.ts";
import type { Template } from "../template/index.ts";
import { span } from "../tracing/index.ts";

/** Puts the static program where foreign containers run it from (docs/contract/pod.md#5.2; 0555). */
export async function placeProgram(paths: PodPaths, program: string): Promise<void> {
  const aside = `${paths.program}.tmp`;
  await rm(aside, { force: true });
  await copyFile(program, aside);
  await chmod(aside, 0o555);
  await rename(aside, paths.program);
}

/**
 * Removes what an earlier sandbox of the same pod left: stale exit codes would end the wait at once
 * (docs/contract/pod.md#defect-33).
 */
export async function clearContainerFiles(paths: PodPaths): Promise<void> {
  await rm(paths.containers, { recursive: true, force: true });
  await rm(paths.plans, { recursive: true, force: true });
}

/** Writes the template (0444) as it came, and the plan of every container it names. */
export async function placeTemplate(
  paths: PodPaths,
  template: Template,
  templateJson: string,
  context: PlanContext,
): Promise<void> {
  await mkdir(paths.runtime, { recursive: true, mode: 0o777 });
  await using shared = await SharedFolder.open(paths.runtime);
  await using plans = await shared.folder(basename(paths.plans), true);
  for (const [name, plan] of containerPlans(template, context)) await plans?.publish(name, plan, 0o444);
  await shared.publish(basename(paths.template), templateJson, 0o444);
}

/** A script's source (0755, even when empty), or a resource's manifest (0644) unless an artifact brings it. */
export async function stageFiles(paths: PodPaths, template: Template): Promise<void> {
  await span("stageFiles", {}, () => writeStagedFiles(paths, template));
}

async function writeStagedFiles(paths: PodPaths, template: Template): Promise<void> {
  if (template.script) await stageFile(paths.script, template.script.source ?? "", 0o755);
  const { resource } = template;
  if (resource && !resource.manifestFrom?.artifact) {
    // Main writes one of its own: this one is for people who look, where the root file system may be written.
    await stageFile(paths.manifest, resource.manifest ?? "", 0o644).catch(unlessReadOnly);
  }
}

function unlessReadOnly(error: ExecutorError): void {
  if ((error.cause as NodeJS.ErrnoException | undefined)?.code !== "EROFS") throw error;
}

async function stageFile(path: string, content: string, mode: number): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await publishFile(path, content, mode);
  } catch (cause) {
    throw new ExecutorError("Internal", `failed to stage ${path}: ${errorText(cause)}`, { cause });
  }
}
