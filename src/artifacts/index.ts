export type {
  ArtifactDriver,
  DriverContext,
  DriverLog,
  DriverSettings,
  FileContent,
  PluginPlaces,
  StoredArtifact,
  TreeContent,
} from "./driver.ts";
export { openDriver } from "./registry.ts";
export { unsupportedType } from "./unsupported.ts";
