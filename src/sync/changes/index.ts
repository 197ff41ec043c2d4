export { type ChangedPlaces, changedPlaces, type PlacesOptions } from "./changed-places.ts";
export { type Cursor, cursorText, parseCursor } from "./cursor.ts";
export { type ChangeSources, type Changes, readChanges, type Unknown } from "./read-changes.ts";
export { presentVersions } from "./versions.ts";
