/** Loaded where there is a terminal to show tables on. */
export { default as CliTable } from "cli-table3";
