export type { InputLoader } from "./load-artifact.ts";
export { loadInputs } from "./load-inputs.ts";
export { pluginsOfInputs } from "./plugins-of-inputs.ts";
export { clearContainerFiles, placeProgram, placeTemplate, stageFiles } from "./stage.ts";

/** Few pods need it. */
export async function loadPlaceRuntime(): Promise<typeof import("./place-runtime.ts").placeRuntime> {
  return (await import("./place-runtime.ts")).placeRuntime;
}
