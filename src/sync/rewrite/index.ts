export { archiveBegin, archiveUpdate, type SqlDialect, sqlDialects } from "./archive-sql.ts";
export { type LocationMap, readLocationMap } from "./location-map.ts";
export { type RewriteJob, type RewriteResult, rewrite } from "./rewrite.ts";
