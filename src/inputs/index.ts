export type { InputLoader } from "./load-artifact.ts";
export { loadInputs } from "./load-inputs.ts";
export { clearContainerFiles, placeProgram, placeTemplate, stageFiles } from "./stage.ts";
