export type {
  ArtifactDriver,
  DriverContext,
  DriverLog,
  DriverSettings,
  FileContent,
  StoredArtifact,
  TreeContent,
} from "./driver.ts";
