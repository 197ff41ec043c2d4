import { escapeHtml } from "./html-text.ts";

export interface Tile {
  readonly name: string;
  readonly bytes: number;
  /** What a pointer over it shows. */
  readonly title: string;
  /** A class of the page's style sheet. */
  readonly kind: string;
}

const width = 960;
const height = 420;
/** More tiles than these are specks; the rest is one tile. */
const tilesMax = 300;
const charWidth = 6.5;

/** Tiles whose areas are their bytes, as SVG that scales with the page. Empty where nothing has a size. */
export async function treemapSvg(tiles: readonly Tile[]): Promise<string> {
  const sized = tiles.filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);
  if (sized.length === 0) return "";
  const { hierarchy, treemap, treemapSquarify } = await import("./vendor.ts");
  const shown = sized.slice(0, tilesMax);
  const rest = sized.slice(tilesMax);
  if (rest.length > 0) {
    const bytes = rest.reduce((sum, tile) => sum + tile.bytes, 0);
    shown.push({ name: `${rest.length} more`, bytes, title: `${rest.length} more`, kind: "rest" });
  }
  type Node = { readonly children?: readonly Tile[]; readonly bytes?: number };
  const root = hierarchy<Node | Tile>({ children: shown } as Node, (node) =>
    "children" in node ? node.children : undefined,
  );
  root.sum((node) => node.bytes ?? 0);
  const laidOut = treemap<Node | Tile>().tile(treemapSquarify).size([width, height]).paddingInner(1)(root);
  const rectangles = laidOut.leaves().map(({ data, x0, y0, x1, y1 }) => {
    const tile = data as Tile;
    const [w, h] = [x1 - x0, y1 - y0];
    const letters = Math.floor((w - 6) / charWidth);
    const label =
      h < 16 || letters < 3
        ? ""
        : `<text x="${round(x0 + 4)}" y="${round(y0 + 14)}">${escapeHtml(shortened(tile.name, letters))}</text>`;
    return (
      `<g><title>${escapeHtml(tile.title)}</title><rect class="${tile.kind}" x="${round(x0)}" y="${round(y0)}" ` +
      `width="${round(w)}" height="${round(h)}"/>${label}</g>`
    );
  });
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="sizes by workflow">${rectangles.join("")}</svg>`;
}

function shortened(text: string, letters: number): string {
  return text.length <= letters ? text : `${text.slice(0, Math.max(1, letters - 1))}…`;
}

function round(value: number): string {
  return value.toFixed(1);
}
