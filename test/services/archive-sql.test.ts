// What `argoexec sync rewrite --sql` writes, run on the databases that Argo keeps its archive in.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { temporaryFolder } from "../drivers/surroundings.ts";
import { startArgoServer } from "../servers/argo-server/index.ts";
import { startSync } from "../sync/sync.ts";
import { workflowObject } from "../sync/workflow-objects.ts";
import { type Database, startMariadb, startPostgres, withoutMariadb, withoutPostgres } from "./databases.ts";

type Dialect = "postgres" | "mysql";

const map = "- from: {s3: {bucket: old}}\n  to: {s3: {bucket: new, key: moved/}}\n";
/** Where quoting goes wrong, if it does. */
const hard = [
  "it's; DROP TABLE argo_archived_workflows; --",
  "\\' \\\\' \\",
  "\"double\" `back` $$dollar$$ :name :'name' %s ? @x \\gexec",
  "ünïcödé 日本語 😀 \u2028 \u200b",
  "line\nend\r\n\ttab \u0001\u001f\u007f",
  "escapes that are text: \\u0000 \\\\u0000 \\n \\x00",
  "/* comment */ # -- ",
];
/** PostgreSQL's archive stores another word for it, which Argo takes back when it reads. */
const nul = "before\u0000after \\\u0000 \\\\\u0000\u0000";
const placeholder = "ARGO_POSTGRES_NULL_REPLACEMENT";
const uids = ["b7a3c2b9-0000-4000-8000-000000000001", "it's \\' an \"uid\" \\", "untouched"] as const;

/** As the controller's migrations leave it in the end (persist/sqldb/migrate.go). */
function schema(json: string): string {
  return `CREATE TABLE argo_archived_workflows (
    clustername varchar(64) NOT NULL, uid varchar(128) NOT NULL, name varchar(256) NOT NULL,
    phase varchar(25) NOT NULL, namespace varchar(256) NOT NULL, workflow ${json} NOT NULL,
    startedat timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, finishedat timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    instanceid varchar(64) NOT NULL, creationtimestamp timestamp DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (clustername, uid));`;
}

/** Each has a location that moves, but the last one, and text that is hard to quote in keys, names and values. */
function archivedWorkflows() {
  return uids.map((uid, index) => {
    const key = `${hard.join("/")}/data`;
    const s3 = { endpoint: "minio:9000", bucket: index === 2 ? "another" : "old", key };
    return workflowObject({
      name: `wf-${index}`,
      uid,
      outputs: { data: { path: "/d", s3 } },
      spec: {
        arguments: { parameters: [...hard, nul].map((value, at) => ({ name: `${value}-${at}`, value })) },
        // Longer than a page, a packet's beginning or a line that is read at once.
        templates: [{ name: "main", script: { source: "'\\ü".repeat(700_000) } }],
      },
    });
  });
}

/** The bytes themselves, past all quoting. */
function insert(workflow: ReturnType<typeof workflowObject>, dialect: Dialect): string {
  const json = JSON.stringify(workflow);
  // Argo replaces without looking; what of it is text would not be JSON any more.
  const stored = dialect === "postgres" ? withPlaceholder(json) : json;
  const bytes = (value: string) => {
    const base64 = Buffer.from(value).toString("base64");
    return dialect === "postgres"
      ? `convert_from(decode('${base64}', 'base64'), 'UTF8')`
      : `CONVERT(FROM_BASE64('${base64}') USING utf8mb4)`;
  };
  const type = dialect === "postgres" ? "::json" : "";
  const { name, uid, namespace } = workflow.metadata;
  const values = ["'default'", bytes(uid), bytes(name), "'Succeeded'", bytes(namespace)];
  return `INSERT INTO argo_archived_workflows (clustername, uid, name, phase, namespace, workflow, instanceid)
    VALUES (${values.join(", ")}, ${bytes(stored)}${type}, '');\n`;
}

function withPlaceholder(json: string): string {
  return json
    .split("\\\\")
    .map((part) => part.replaceAll("\\u0000", placeholder))
    .join("\\\\");
}

/** As Argo reads it. */
function archived(database: Database, uid: string, dialect: Dialect): unknown {
  const hex = Buffer.from(uid).toString("hex");
  const isMeant =
    dialect === "postgres"
      ? `uid = convert_from(decode('${hex}', 'hex'), 'UTF8')`
      : `uid = CONVERT(x'${hex}' USING utf8mb4)`;
  const json = database.value(`SELECT workflow FROM argo_archived_workflows WHERE ${isMeant};`);
  return JSON.parse(dialect === "postgres" ? json.replaceAll(placeholder, "\\u0000") : json);
}

/** The file that the command writes for this archive. */
async function sqlFor(t: TestContext, dialect: Dialect): Promise<string> {
  const folder = await temporaryFolder(t);
  const server = await startArgoServer({ workflows: archivedWorkflows() });
  t.after(() => server[Symbol.asyncDispose]());
  const [mapFile, sqlFile] = [join(folder, "map.yaml"), join(folder, "archive.sql")];
  writeFileSync(mapFile, map);
  const places = ["--without-cluster", "--argo-server", server.url];
  const child = startSync([
    "rewrite",
    mapFile,
    "--apply",
    ...places,
    "--sql",
    sqlFile,
    "--sql-dialect",
    dialect,
  ]);
  assert.ok(child.stdout && child.stderr);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  assert.equal(stdout.trim().split("\n").length, 2, stdout + stderr);
  assert.match(stderr.trim(), /2 objects changed$/);
  return readFileSync(sqlFile, "utf8");
}

async function expectMoved(
  t: TestContext,
  database: Database,
  json: string,
  dialect: Dialect,
): Promise<void> {
  const before = archivedWorkflows();
  database.run(schema(json) + before.map((workflow) => insert(workflow, dialect)).join(""));
  const sql = await sqlFor(t, dialect);

  database.run(sql);

  const moved = structuredClone(before) as unknown as {
    status: { nodes: Record<string, { outputs: { artifacts: { s3: { bucket: string; key: string } }[] } }> };
  }[];
  for (const [index, workflow] of moved.slice(0, 2).entries()) {
    const s3 = workflow.status.nodes[`wf-${index}`]?.outputs.artifacts[0]?.s3;
    assert.ok(s3);
    s3.bucket = "new";
    s3.key = `moved/${s3.key}`;
  }
  for (const [index, uid] of uids.entries()) assert.deepEqual(archived(database, uid, dialect), moved[index]);
  assert.equal(database.value("SELECT count(*) FROM argo_archived_workflows;"), "3");

  // A file that was cut, or whose command failed, changes nothing.
  database.run(sql.replaceAll('"bucket":"new"', '"bucket":"cut"').replace(/COMMIT;\n$/, ""));
  for (const [index, uid] of uids.entries()) assert.deepEqual(archived(database, uid, dialect), moved[index]);
}

describe("sync rewrite --sql on PostgreSQL", { skip: withoutPostgres }, () => {
  for (const [json, settings] of [
    ["jsonb", []],
    // The archive of Argo Workflows before 3.7, on a server that reads backslashes as escapes.
    ["json", ["standard_conforming_strings=off", "backslash_quote=off"]],
  ] as const)
    it(`moves locations in workflows that are kept as ${json}, ${settings[0] ?? "with the server's defaults"}`, async (t) => {
      await using database = await startPostgres(settings);

      await expectMoved(t, database, json, "postgres");
    });
});

describe("sync rewrite --sql --sql-dialect mysql on MariaDB", { skip: withoutMariadb }, () => {
  for (const settings of [[], ["sql_mode=ANSI,NO_BACKSLASH_ESCAPES", "character-set-server=latin1"]] as const)
    it(`moves locations in archived workflows, ${settings[0] ?? "with the server's defaults"}`, async (t) => {
      await using database = await startMariadb(settings);

      await expectMoved(t, database, "json", "mysql");
    });
});
