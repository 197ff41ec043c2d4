export { sortedPages } from "./sorted-pages.ts";
