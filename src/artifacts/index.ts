export type {
  ArtifactDriver,
  DriverContext,
  DriverLog,
  DriverSettings,
  ListedObject,
  PluginPlaces,
  StoredArtifact,
} from "./driver.ts";
export { canDelete, openDriver } from "./registry.ts";
export { deletionUnsupported } from "./unsupported.ts";
