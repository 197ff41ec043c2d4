export { openAddon } from "./addon.ts";
export { crc32 } from "./crc32.ts";
