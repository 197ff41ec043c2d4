export { announce } from "./announce.ts";
export type { WaitConfig, WaitTools } from "./config.ts";
export { type PhaseEnd, type PhaseStart, runPhase } from "./run-phase.ts";
export { isStandbyEvent, standbyRequest } from "./standby.ts";
export { decodeState, encodeState, initialState, type WaitState } from "./state.ts";
export { wait } from "./wait.ts";
