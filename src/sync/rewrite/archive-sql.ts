/** The databases that an archive may be in. */
export type SqlDialect = "postgres" | "mysql";

export const sqlDialects: readonly SqlDialect[] = ["postgres", "mysql"];

/** Begins a transaction in which the statements are read as they are written, whatever the server's settings are. */
export function archiveBegin(dialect: SqlDialect): string {
  const settings =
    dialect === "postgres"
      ? ["SET LOCAL client_encoding = 'UTF8'", "SET LOCAL standard_conforming_strings = on"]
      : [
          "SET NAMES utf8mb4",
          "SET SESSION sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')",
        ];
  return ["BEGIN", ...settings].map((statement) => `${statement};\n`).join("");
}

/**
 * The statement that puts a workflow in place of the archived one: the Argo server's API can delete archived workflows
 * and not change them. A workflow that is not there is not made.
 */
export function archiveUpdate(uid: string, workflow: unknown, dialect: SqlDialect): string {
  const json = JSON.stringify(workflow);
  const text = literal(dialect === "postgres" ? withoutNuls(json) : json, dialect);
  return `UPDATE argo_archived_workflows SET workflow = ${text} WHERE uid = ${literal(uid, dialect)};\n`;
}

/**
 * PostgreSQL's jsonb holds no NUL character, not even escaped. Argo's archive stores this word instead, and puts the
 * character back when it reads (persist/sqldb/workflow_archive.go).
 */
function withoutNuls(json: string): string {
  // A backslash that is escaped itself begins nothing.
  return json.replace(/\\\\|\\u0000/g, (found) =>
    found === "\\u0000" ? "ARGO_POSTGRES_NULL_REPLACEMENT" : found,
  );
}

/** A text in SQL. PostgreSQL takes backslashes for themselves, MySQL reads them as escapes. */
function literal(text: string, dialect: SqlDialect): string {
  const quoted = text.replaceAll("'", "''");
  return `'${dialect === "mysql" ? quoted.replaceAll("\\", "\\\\") : quoted}'`;
}
