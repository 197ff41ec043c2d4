export type { InputLoader } from "./load-artifact.ts";
export { loadInputs } from "./load-inputs.ts";
export { placeRuntime, pluginsOfInputs } from "./place-runtime.ts";
export { clearContainerFiles, placeProgram, placeTemplate, stageFiles } from "./stage.ts";
