/** The databases that an archive may be in. */
export type SqlDialect = "postgres" | "mysql";

export const sqlDialects: readonly SqlDialect[] = ["postgres", "mysql"];

/**
 * The statement that puts a workflow in place of the archived one: the Argo server's API can delete archived workflows
 * and not change them. A workflow that is not there is not made.
 */
export function archiveUpdate(uid: string, workflow: unknown, dialect: SqlDialect): string {
  const [text, id] = [literal(JSON.stringify(workflow), dialect), literal(uid, dialect)];
  return `UPDATE argo_archived_workflows SET workflow = ${text} WHERE uid = ${id};\n`;
}

/**
 * A text in SQL. Backslashes mean themselves in PostgreSQL as long as `standard_conforming_strings` is on, its default
 * since 9.1; MySQL reads them as escapes. A NUL character, which neither takes, is escaped in JSON anyway.
 */
function literal(text: string, dialect: SqlDialect): string {
  const quoted = text.replaceAll("'", "''");
  return `'${dialect === "mysql" ? quoted.replaceAll("\\", "\\\\") : quoted}'`;
}
