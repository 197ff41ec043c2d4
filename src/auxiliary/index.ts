export { announce } from "./announce.ts";
export type { AuxiliaryConfig, AuxiliaryTools } from "./config.ts";
export { finish, type Outcome } from "./finish.ts";
export { type Next, resume } from "./resume.ts";
export { isStandbyEvent, type StandbyEvent, standbyArguments } from "./standby.ts";
export { type AuxiliaryState, decodeState, initialState } from "./state.ts";
