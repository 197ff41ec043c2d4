export { templateAnnotation } from "./annotations.ts";
export { checkTemplate } from "./check-template.ts";
export { parseGoDuration } from "./go-duration.ts";
export { type LocationType, locationKinds, locationTypes } from "./location-kinds.ts";
export {
  bucketOf,
  getKey,
  hasKey,
  hasLocation,
  hasLocationOrKey,
  joinKey,
  locationType,
  relocate,
  withGeneratedKey,
  withKey,
  withRequiredFields,
} from "./locations.ts";
export { cleanArtifactPath, cleanPath, findOverlappingVolume, isWithin, volumeMounts } from "./paths.ts";
export { quantityBytes } from "./quantity.ts";
export { checkSecretSelector } from "./secret-selector.ts";
export { type AnyString, checkShape, type Shape, type ValueOf } from "./shape.ts";
export {
  anyString,
  containerNode,
  hasOutput,
  mainContainerNames,
  type OutputSource,
  outputSource,
  parseTemplate,
  savesLogs,
  sidecarNames,
  type TemplateType,
  templateType,
} from "./template.ts";
export { locationShape, parameterShape } from "./template-shape.ts";
export type * from "./types.ts";
