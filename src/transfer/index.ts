export { copiesInParts, copyInParts } from "./copy-parts.ts";
export { deleteKeys } from "./delete.ts";
export { ObjectDeleter } from "./delete-objects.ts";
export { openDownload } from "./download.ts";
export { downloadToFile } from "./file-download.ts";
export { openInflated } from "./inflated.ts";
export { hasObjects, listObjects, listPages } from "./listing.ts";
export { memoryBudget, readMemoryLimit } from "./memory-budget.ts";
export type {
  CopyTarget,
  ListPage,
  MultipartCopy,
  MultipartUpload,
  ObjectAttributes,
  ObjectInfo,
  ObjectStore,
  ReadAnswer,
  StoredBytes,
  StoredDigest,
  StoreLimits,
} from "./object-store.ts";
export { type PartPlan, planParts } from "./part-size.ts";
export { type RelayEnd, type RelayOptions, relayObject } from "./relay.ts";
export { compareKeys } from "./scan-targets.ts";
export { Channel, TransferSession, type TransferSettings } from "./session.ts";
export { downloadTree } from "./tree-download.ts";
export { uploadTree } from "./tree-upload.ts";
export { type UploadOptions, uploadObject } from "./upload.ts";
