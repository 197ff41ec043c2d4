import { stripVTControlCharacters, styleText } from "node:util";

export type Style = Parameters<typeof styleText>[0];

/** Readable text for people: colours only where there is a terminal to show them. */
export class Terminal {
  readonly #write: (text: string) => void;
  readonly #hasColours: boolean;

  constructor(write: (text: string) => void, hasColours: boolean) {
    this.#write = write;
    this.#hasColours = hasColours;
  }

  line(text = ""): void {
    this.#write(`${text}\n`);
  }

  paint(style: Style, text: string): string {
    return this.#hasColours ? styleText(style, text, { validateStream: false }) : text;
  }

  /** Rows in columns; colours do not count for the width. */
  table(rows: readonly (readonly string[])[]): void {
    const widths: number[] = [];
    for (const row of rows) {
      row.forEach((cell, column) => {
        widths[column] = Math.max(widths[column] ?? 0, width(cell));
      });
    }
    for (const row of rows) {
      const cells = row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - width(cell)));
      this.line(`  ${cells.join("  ").trimEnd()}`);
    }
  }
}

function width(text: string): number {
  return stripVTControlCharacters(text).length;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 9950 ? 2 : 1)} s`;
}

export function bytes(size: number): string {
  if (size < 1000) return `${size} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = size / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}
