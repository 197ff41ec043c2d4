import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";

/** What became of one test on one store. */
export type Outcome = "holds" | "fails" | { readonly cannot: string };

/** Where each run leaves its outcomes; scripts/conformance.ts makes the table of the documentation of them. */
export const outcomesFolder = join(import.meta.dirname, "../../build/conformance");

/** Collects the outcomes of one store and writes them down when its tests are over. */
export class Outcomes {
  readonly #store: string;
  readonly #outcomes = new Map<string, Outcome>();

  constructor(store: string) {
    this.#store = store;
    after(() => this.#write());
  }

  note(title: string, outcome: Outcome): void {
    this.#outcomes.set(title, outcome);
  }

  #write(): void {
    mkdirSync(outcomesFolder, { recursive: true });
    const content = { store: this.#store, outcomes: Object.fromEntries(this.#outcomes) };
    writeFileSync(
      join(outcomesFolder, `${this.#store.replaceAll(/\W+/g, "-")}.json`),
      JSON.stringify(content, null, 1),
    );
  }
}
