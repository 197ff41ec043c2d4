import { errorCode, errorText } from "../../errors/index.ts";
import { isPassing } from "../outcome.ts";
import type { ListedObject } from "../repository/index.ts";

/** What became of an object, or would become of it in a plan. */
export type Deed =
  | "copied"
  | "replaced"
  | "deleted"
  /** The target has it already. */
  | "equal"
  /** The selection does not want it. */
  | "skipped"
  /** It is to be deleted, and stays: no --delete, or more than --max-delete. */
  | "kept"
  /** `verify` found other bytes, or none. */
  | "different"
  | "missing"
  /** No workflow knows it (orphans). */
  | "orphan"
  /** A workflow names it, and it is gone (orphans). */
  | "lost"
  | "failed";

export interface Tally {
  readonly objects: number;
  readonly bytes: number;
}

/** One object that a person may have to look at. */
export interface Incident {
  readonly deed: Deed;
  readonly key: string;
  readonly workflow?: string | undefined;
  readonly sizeBytes?: number | undefined;
  /** For failures: the error's code. */
  readonly code?: string | undefined;
  readonly why: string;
  /** True where the same command again may get over it. */
  readonly isPassing: boolean;
}

export interface ReportSnapshot {
  readonly command: string;
  readonly source: string | undefined;
  readonly target: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly totals: Readonly<Partial<Record<Deed, Tally>>>;
  /** By `namespace/name`; what belongs to no known workflow under the empty name. The largest ones, the rest summed up under "…". */
  readonly workflows: Readonly<Record<string, Readonly<Partial<Record<Deed, Tally>>>>>;
  /** Why objects were left out, replaced or judged as they were, with how often. */
  readonly reasons: Readonly<Record<string, number>>;
  /** The first ones; `incidentsLeftOut` tells how many more there were. */
  readonly incidents: readonly Incident[];
  readonly incidentsLeftOut: number;
  /** What a person should know of the stores, in sentences. */
  readonly warnings?: readonly string[] | undefined;
  /** What `--since` of the next run goes on from; only where all was done. */
  readonly cursor?: string | undefined;
}

interface Counter {
  objects: number;
  bytes: number;
}
type Counters = Partial<Record<Deed, Counter>>;

/** Workflows with counts of their own; so much memory is all that a report takes, whatever the number of objects. */
const workflowsMax = 20_000;
const incidentsMax = 10_000;
const reasonsMax = 200;
const others = "…";

/** Counts what a command does, by deed and by workflow, and keeps what a person has to know. */
export class Report {
  readonly command: string;
  readonly source: string | undefined;
  readonly target: string;
  readonly #startedMs = Date.now();
  readonly #totals: Counters = {};
  readonly #workflows = new Map<string, Counters>();
  readonly #reasons = new Map<string, number>();
  readonly #incidents: Incident[] = [];
  #incidentsLeftOut = 0;
  #hasLasting = false;
  /** See ReportSnapshot. */
  warnings: readonly string[] = [];
  cursor: string | undefined;

  /** `command` such as `sync run`; the repositories by their names, which hold no secrets. */
  constructor(command: string, source: string | undefined, target: string) {
    this.command = command;
    this.source = source;
    this.target = target;
  }

  note(deed: Deed, object: Pick<ListedObject, "sizeBytes">, workflow = "", why?: string): void {
    count(this.#totals, deed, object.sizeBytes);
    const known = this.#workflows.has(workflow) || this.#workflows.size < workflowsMax;
    const name = known ? workflow : others;
    let counters = this.#workflows.get(name);
    if (counters === undefined) {
      counters = {};
      this.#workflows.set(name, counters);
    }
    count(counters, deed, object.sizeBytes);
    if (why !== undefined) this.noteReason(why);
  }

  noteReason(why: string): void {
    const name = this.#reasons.has(why) || this.#reasons.size < reasonsMax ? why : others;
    this.#reasons.set(name, (this.#reasons.get(name) ?? 0) + 1);
  }

  /** What could not be done, with its error. */
  fail(object: Pick<ListedObject, "key" | "sizeBytes">, error: unknown, workflow?: string): void {
    this.note("failed", object, workflow);
    this.tell({
      deed: "failed",
      key: object.key,
      workflow,
      sizeBytes: object.sizeBytes,
      code: errorCode(error),
      why: errorText(error),
      isPassing: isPassing(error),
    });
  }

  /** Keeps an incident; counting it is the caller's. */
  tell(incident: Incident): void {
    if (!incident.isPassing) this.#hasLasting = true;
    if (this.#incidents.length < incidentsMax) this.#incidents.push(incident);
    else this.#incidentsLeftOut += 1;
  }

  tally(deed: Deed): Tally {
    return this.#totals[deed] ?? { objects: 0, bytes: 0 };
  }

  /** True where an incident was told that only a person can mend. */
  get needsAction(): boolean {
    return this.#hasLasting;
  }

  snapshot(): ReportSnapshot {
    return {
      command: this.command,
      source: this.source,
      target: this.target,
      startedAt: new Date(this.#startedMs).toISOString(),
      finishedAt: new Date().toISOString(),
      totals: structuredClone(this.#totals),
      workflows: Object.fromEntries([...this.#workflows].map(([name, counters]) => [name, { ...counters }])),
      reasons: Object.fromEntries(this.#reasons),
      incidents: [...this.#incidents],
      incidentsLeftOut: this.#incidentsLeftOut,
      ...(this.warnings.length === 0 ? {} : { warnings: this.warnings }),
      ...(this.cursor === undefined ? {} : { cursor: this.cursor }),
    };
  }
}

function count(counters: Counters, deed: Deed, bytes: number): void {
  const counter = counters[deed];
  if (counter === undefined) counters[deed] = { objects: 1, bytes };
  else {
    counter.objects += 1;
    counter.bytes += bytes;
  }
}
