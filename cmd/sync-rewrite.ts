import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { ExecutorError } from "../src/errors/index.ts";
import { type Outcome, syncStatus } from "../src/sync/index.ts";
import type { RewriteJob, SqlDialect } from "../src/sync/rewrite/index.ts";
import { type FlagValues, textFlag } from "./flags.ts";
import { printOut } from "./standard-output.ts";
import { onlyPositional, type SyncSubcommand } from "./sync-call.ts";
import { openSources, workflowFlags } from "./sync-workflows.ts";

const rewriteFlags = {
  ...workflowFlags,
  apply: { type: "boolean" },
  templates: { type: "boolean" },
  sql: { type: "string" },
  "sql-dialect": { type: "string" },
} as const;

/** `sync rewrite MAP`: old to new locations in what carries them in full; shows what it would do unless told to apply. */
export const rewriteCommand: SyncSubcommand = {
  flags: rewriteFlags,
  async run(call) {
    const { flags } = call.line;
    const path = onlyPositional(call, "map", "rewrite MAP");
    const { archiveBegin, readLocationMap, rewrite } = await import("../src/sync/rewrite/index.ts");
    const map = await readLocationMap(path);
    await using open = await openSources(call);
    const { cluster, archive, namespaces, files } = open.sources;
    if (files.length > 0)
      throw new ExecutorError("BadRequest", "sync rewrite changes no files: leave --workflows out");
    const applies = flags.apply === true;
    await using sql = openSql(flags, archiveBegin);
    const job: RewriteJob = {
      map,
      cluster: cluster && { client: cluster, namespaces },
      archive: archive && { client: archive, namespaces },
      includesTemplates: flags.templates === true,
      applies,
      sql,
    };
    call.begin();
    const counts = { changed: 0, failed: 0, left: 0 };
    let isPassing = true;
    for await (const result of rewrite(job, call.stop)) {
      await printOut(`${JSON.stringify({ ...result, isRehearsal: !applies })}\n`);
      counts[result.deed] += 1;
      isPassing &&= result.deed !== "failed" || result.isPassing;
    }
    sql?.finish();
    return outcomeOf(counts, applies, isPassing);
  },
};

function outcomeOf(
  { changed, failed, left }: Readonly<Record<"changed" | "failed" | "left", number>>,
  applies: boolean,
  isPassing: boolean,
): Outcome {
  const done = applies
    ? `${changed} objects changed`
    : `${changed} objects would be changed: --apply does it`;
  if (failed > 0) {
    return isPassing
      ? { status: syncStatus.retry, advice: `${done}, ${failed} failed: run the same command again` }
      : { status: syncStatus.act, advice: `${done}, ${failed} cannot be changed: the lines say why` };
  }
  if (left > 0)
    return { status: syncStatus.act, advice: `${done}, ${left} left as they are: the lines say why` };
  return { status: syncStatus.done, advice: done };
}

interface SqlFile extends AsyncDisposable {
  readonly dialect: SqlDialect;
  write(statement: string): Promise<void>;
  /** The statements are all that there are to be. */
  finish(): void;
}

/** Statements in one transaction, which changes nothing unless it was finished; undefined where none are asked for. */
function openSql(flags: FlagValues, begin: (dialect: SqlDialect) => string): SqlFile | undefined {
  const path = textFlag(flags, "sql");
  if (path === undefined) return undefined;
  const dialect = textFlag(flags, "sql-dialect") ?? "postgres";
  if (dialect !== "postgres" && dialect !== "mysql") {
    throw new ExecutorError(
      "BadRequest",
      `--sql-dialect must be postgres or mysql, not ${JSON.stringify(dialect)}`,
    );
  }
  const file = createWriteStream(path, { mode: 0o600 });
  const written = (text: string) =>
    new Promise<void>((resolve, reject) => file.write(text, (error) => (error ? reject(error) : resolve())));
  file.on("error", () => {});
  const begun = written(begin(dialect));
  begun.catch(() => {});
  let isWhole = false;
  return {
    dialect,
    async write(statement) {
      await begun;
      await written(statement);
    },
    finish() {
      isWhole = true;
    },
    async [Symbol.asyncDispose]() {
      await begun;
      // Half of the statements must not be run: who feeds the file to a database need not have seen how the command ended.
      file.end(isWhole ? "COMMIT;\n" : "-- The command failed: this is not all.\nROLLBACK;\n");
      await finished(file);
    },
  };
}
