export type { AgentConfig, AgentTools } from "./agent.ts";
export { issuePluginTokens } from "./plugin-tokens.ts";
export type { PluginAddress } from "./plugins.ts";

/** What `agent main` runs; loaded on demand, for `agent init` has 0.05 s of CPU in all. */
export const loadAgent = async () => (await import("./agent.ts")).agent;
