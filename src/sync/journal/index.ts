export { HighWater } from "./high-water.ts";
export {
  Journal,
  type JournalPlace,
  type JournalState,
  journalId,
  journalInFile,
  journalInTarget,
} from "./journal.ts";
