export { abortUploads, type UploadsGivenUp } from "./unfinished-uploads.ts";
export { bucketWarnings } from "./warnings.ts";
