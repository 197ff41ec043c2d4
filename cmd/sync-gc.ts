import { ExecutorError } from "../src/errors/index.ts";
import { type Outcome, syncStatus } from "../src/sync/index.ts";
import { textFlag } from "./flags.ts";
import { printOut } from "./standard-output.ts";
import { onlyPositional, readMaxDelete, type SyncSubcommand } from "./sync-call.ts";
import { openSources, workflowFlags } from "./sync-workflows.ts";

const gcFlags = {
  ...workflowFlags,
  delete: { type: "boolean" },
  "max-delete": { type: "string" },
  "older-than": { type: "string" },
  "patch-status": { type: "boolean" },
  "remove-finalizer": { type: "boolean" },
} as const;

const olderThanDefault = "1h";

/** `sync gc REPOSITORY`: finishes what artifact GC has left undone. */
export const gcCommand: SyncSubcommand = {
  flags: gcFlags,
  async run(call) {
    const { flags } = call.line;
    const text = onlyPositional(call, "repository", "gc REPOSITORY");
    const { ageMs } = await import("../src/sync/criteria/index.ts");
    const olderThanMs = ageMs(textFlag(flags, "older-than") ?? olderThanDefault, "--older-than");
    const maxDelete = readMaxDelete(call);
    const deletes = flags.delete === true;
    await using repository = await call.openRepository(text, "source");
    await using open = await openSources(call);
    const { cluster, namespaces } = open.sources;
    if (!cluster) throw new ExecutorError("BadRequest", "sync gc is about workflows of a cluster");
    const { openGcStore, repairGc } = await import("../src/sync/gc-repair/index.ts");
    call.begin();
    const job = {
      cluster: { client: cluster, namespaces },
      store: await openGcStore(repository, open.sources, call.stop),
      olderThanMs,
      deletes,
      patchesStatus: flags["patch-status"] === true,
      removesFinalizer: flags["remove-finalizer"] === true,
      maxDelete,
    };
    const counts = { workflows: 0, due: 0, deleted: 0, problems: 0 };
    let isPassing = true;
    for await (const result of repairGc(job, call.stop)) {
      await printOut(`${JSON.stringify(result)}\n`);
      counts.workflows += 1;
      counts.due += result.due;
      counts.deleted += result.deleted;
      counts.problems += result.problems.length;
      isPassing &&= result.problems.length === 0 || result.isPassing;
    }
    return outcomeOf(counts, deletes, isPassing);
  },
};

function outcomeOf(
  {
    workflows,
    due,
    deleted,
    problems,
  }: Readonly<Record<"workflows" | "due" | "deleted" | "problems", number>>,
  deletes: boolean,
  isPassing: boolean,
): Outcome {
  const found = `artifact GC has left ${due} artifacts in ${workflows} workflows`;
  const done = deletes ? `${found}, ${deleted} deleted` : due > 0 ? `${found}: --delete deletes them` : found;
  if (problems === 0) return { status: syncStatus.done, advice: done };
  return isPassing
    ? { status: syncStatus.retry, advice: `${done}, ${problems} problems: run the same command again` }
    : { status: syncStatus.act, advice: `${done}, ${problems} problems: the lines say which` };
}
