export { type KeyGlobs, selectKeys } from "./globs/index.ts";
export { isPassing, type Outcome, outcomeOfError, syncStatus } from "./outcome.ts";
export { type Deed, type Incident, Report, type ReportSnapshot, type Tally } from "./report/index.ts";
export {
  type KeyRange,
  type ListedObject,
  openRepository,
  Pace,
  type Repository,
  type RepositorySurroundings,
} from "./repository/index.ts";
export { allOf, everything, type Selection, type Verdict } from "./selection.ts";
