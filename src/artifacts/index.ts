export { ContentTypes } from "./content-type.ts";
export type {
  ArtifactDriver,
  DriverContext,
  DriverLog,
  DriverSettings,
  FileContent,
  OpenStore,
  PluginPlaces,
  StoredArtifact,
  TreeContent,
} from "./driver.ts";
export { canDelete, openDriver, openStore } from "./registry.ts";
export { deletionUnsupported } from "./unsupported.ts";
