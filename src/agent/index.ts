export { type AgentConfig, type AgentTools, agent } from "./agent.ts";
export { issuePluginTokens } from "./plugin-tokens.ts";
export type { PluginAddress } from "./plugins.ts";
export { type RootSources, readRoots } from "./roots.ts";
