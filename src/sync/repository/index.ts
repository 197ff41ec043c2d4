export { openRepository, type RepositorySurroundings } from "./open-repository.ts";
export { Pace } from "./paced-store.ts";
export { journalFolder, type KeyRange, type ListedObject, type Repository } from "./repository.ts";
