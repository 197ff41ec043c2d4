export type { BucketFacts, BucketQuestions, UnfinishedUpload } from "./bucket-questions.ts";
export { ContentTypes } from "./content-type.ts";
export type {
  ArtifactDriver,
  DriverContext,
  DriverLog,
  DriverSettings,
  ListedObject,
  OpenStore,
  PluginPlaces,
  StoredArtifact,
} from "./driver.ts";
export { canDelete, openDriver, openStore } from "./registry.ts";
export { deletionUnsupported } from "./unsupported.ts";
