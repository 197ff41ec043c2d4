export { selfAndAncestors } from "./ancestors.ts";
export { type ArchivedWorkflows, archivedManifests, archivedWorkflows, hydratedWorkflow } from "./archive.ts";
export {
  type ClusterWorkflows,
  clusterWorkflows,
  collections,
  type Listing,
  listedObjects,
  newWorkflows,
  withGrant,
} from "./cluster.ts";
export { type JsonObject, listAt, memberAt, objectAt, textAt } from "./json.ts";
export { defaultKeyFormat, type KeyFormat, type KeyOwner, keyFormat } from "./key-format.ts";
export { manifestWorkflows } from "./manifests.ts";
export { collectedKeys, type OtherOwner, otherOwners } from "./other-owners.ts";
export { asked } from "./pages.ts";
export { namedByOutputs, placeOf, readWorkflow } from "./read-workflow.ts";
export { hasTags, knownStart } from "./tags.ts";
export {
  type ArtifactRole,
  type NamedArtifact,
  type StorePlace,
  type UnresolvedKey,
  type WorkflowRecord,
  type WorkflowSource,
  workflowTitle,
} from "./workflow.ts";
