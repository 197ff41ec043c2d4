import type { Artifact, Template } from "../template/index.ts";
import { span } from "../tracing/index.ts";
import type { InputLoader } from "./load-artifact.ts";

/** Inputs in flight at once; each is itself many requests wide. */
const inputsMax = 4;

/**
 * Loads all input artifacts of the loader's plugin, or of none, side by side. The error thrown is that of the first artifact in
 * the template's order that failed; the first failure stops the others (docs/contract/pod.md#5.2 step 3,
 * docs/contract/artifacts.md#D-26).
 */
export async function loadInputs(
  loader: InputLoader,
  template: Template,
  signal: AbortSignal,
): Promise<void> {
  const artifacts = template.inputs?.artifacts ?? [];
  if (artifacts.length === 0) return;
  await span("loadArtifacts", {}, () => loadArtifacts(loader, template, artifacts, signal));
}

async function loadArtifacts(
  loader: InputLoader,
  template: Template,
  artifacts: readonly Artifact[],
  signal: AbortSignal,
): Promise<void> {
  // Archives and stores are code that a pod without inputs does not pay for.
  const { loadArtifact } = await import("./load-artifact.ts");
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const errors = new Map<number, unknown>();
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < artifacts.length; index = next++) {
      const artifact = artifacts[index];
      if (!artifact || either.aborted) return;
      try {
        await loadArtifact(loader, template, artifact, either);
      } catch (error) {
        // What another's failure cancelled is not news.
        if (!failed.signal.aborted) errors.set(index, error);
        failed.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(inputsMax, artifacts.length) }, worker));
  signal.throwIfAborted();
  if (errors.size > 0) throw errors.get(Math.min(...errors.keys()));
}
