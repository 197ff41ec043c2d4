import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * The bundle's entry: V8 keeps the compiled code of each command beside the bundle. In an image the folder is
 * read-only and filled when the image is built; the cache counts by content, so it may move with its files.
 */
enableCompileCache({ directory: fileURLToPath(new URL("cache", import.meta.url)), portable: true });
await import("./main.ts");
