export { artifactPluginInit, type PluginInitConfig } from "./artifact-plugin-init.ts";
