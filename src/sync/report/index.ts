export { type Deed, type Incident, Report, type ReportSnapshot, type Tally } from "./report.ts";
export { checkReportPath, writeReport } from "./write-report.ts";
