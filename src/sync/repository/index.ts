export { openRepository, type RepositorySurroundings } from "./open-repository.ts";
export { Pace } from "./paced-store.ts";
export type { KeyRange, ListedObject, Repository } from "./repository.ts";
