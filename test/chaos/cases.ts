import type { Case } from "./case.ts";
import { kills } from "./faults/kills.ts";
import { nodeFaults } from "./faults/nodes.ts";
import { outages } from "./faults/outages.ts";
import { storeFaults } from "./faults/stores.ts";

/** Every fault in every phase, in the order of the table; with `isFull` the long ones, too. */
export function allCases(isFull: boolean): readonly Case[] {
  return [...kills, ...outages(isFull), ...storeFaults, ...nodeFaults()];
}

export function titleOf({ layout, phase, fault }: Case): string {
  return `${layout}, ${phase}: ${fault}`;
}
