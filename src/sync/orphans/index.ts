export {
  type DeletionReport,
  deleteListed,
  findOrphans,
  type OrphanReport,
  type OrphanSearch,
} from "./find-orphans.ts";
export type { Confirmations } from "./interlocks.ts";
export { type Retention, readRetention } from "./retention.ts";
export { orphanRepository } from "./store-repository.ts";
