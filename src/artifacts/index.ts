export type {
  ArtifactDriver,
  DriverContext,
  DriverLog,
  DriverSettings,
  FileContent,
  ListedObject,
  PluginPlaces,
  StoredArtifact,
  TreeContent,
} from "./driver.ts";
export { canDelete, openDriver } from "./registry.ts";
export { deletionUnsupported } from "./unsupported.ts";
