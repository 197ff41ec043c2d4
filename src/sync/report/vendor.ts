/** Loaded where a page is asked for. */
export { hierarchy, treemap, treemapSquarify } from "d3-hierarchy";
