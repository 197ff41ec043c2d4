export { reportTables } from "./report-tables.ts";
