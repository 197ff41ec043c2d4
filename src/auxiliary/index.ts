export { announce } from "./announce.ts";
export type { AuxiliaryConfig, AuxiliaryTools } from "./config.ts";
export { endContainers, haveEnded } from "./containers.ts";
export type { Outcome } from "./finish.ts";
export { loadFinish, loadResume } from "./later-phases.ts";
export type { Next } from "./resume.ts";
export { isStandbyEvent, type StandbyEvent, standbyArguments } from "./standby.ts";
export { type AuxiliaryState, decodeState, initialState } from "./state.ts";
