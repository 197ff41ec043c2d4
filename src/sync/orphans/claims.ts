import { joinKey } from "../../template/index.ts";
import {
  hasTags,
  type KeyFormat,
  type KeyOwner,
  keyFormat,
  knownStart,
  type NamedArtifact,
  type OtherOwner,
  type StorePlace,
  selfAndAncestors,
  type UnresolvedKey,
  type WorkflowRecord,
  workflowTitle,
} from "../workflows/index.ts";

/** What is known of whose an object is. */
export type Ownership =
  /** An artifact of a workflow, of a template, of a cache, or of a GC task; or a part of one. */
  | { readonly kind: "named"; readonly workflow: string }
  /** By its key, of a workflow that is known; its status does not name it. */
  | { readonly kind: "unnamed"; readonly workflow: string }
  /** Nobody can tell. */
  | { readonly kind: "uncertain"; readonly why: string }
  /** Made for a workflow that is neither live nor archived, as the key has it. */
  | { readonly kind: "orphan"; readonly workflow: string }
  /** Nothing says that a workflow made it. */
  | { readonly kind: "foreign" };

export interface ClaimsOptions {
  readonly repository: StorePlace;
  /** Formats that the repository has or had. */
  readonly keyFormats: readonly string[];
  /** Workflows of other namespaces were not read; undefined: all were, or the repository is theirs alone. */
  readonly onlyNamespaces: readonly string[] | undefined;
}

/** Clocks of stores, clusters and controllers may differ by so much. */
const clockSlackMs = 10 * 60_000;
const spansMax = 500;
/** More than this, and somebody makes formats up. */
const keyFormatsMax = 200;

interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
  readonly workflow: string;
}

/** Who claims which keys of a repository. Holds keys and names alone, whatever the number of workflows. */
export class Claims {
  readonly #options: ClaimsOptions;
  /** Keys of artifacts with the title of who names them. */
  readonly #keys = new Map<string, string>();
  readonly #prefixes = new Map<string, string>();
  readonly #prefixLengths = new Set<number>();
  /** Workflows by `namespace/name`, by name, and by uid. */
  readonly #workflows = new Set<string>();
  readonly #formats = new Map<string, KeyFormat>();
  /** When workflows wrote that may have written anywhere. */
  readonly #spans: TimeSpan[] = [];

  constructor(options: ClaimsOptions) {
    this.#options = options;
    for (const format of options.keyFormats) this.#addFormat(format);
  }

  addWorkflow(workflow: WorkflowRecord): void {
    const title = workflowTitle(workflow);
    this.#workflows.add(`name ${workflow.name}`).add(`name ${title}`);
    if (workflow.uid !== "") this.#workflows.add(`uid ${workflow.uid}`);
    for (const format of workflow.keyFormats) this.#addFormat(format);
    for (const artifact of workflow.artifacts) this.addArtifact(artifact, title);
    // Where its nodes are known and final, they name what its tags have become.
    const isOpen = workflow.isRunning || workflow.unknownBecause !== undefined;
    if (isOpen) this.#addOpen(workflow, title);
  }

  addOther({ artifacts, unresolvedKeys, title }: OtherOwner): void {
    for (const artifact of artifacts) this.addArtifact(artifact, title);
    // Such a key begins as it stands; one that begins with a tag is its workflow's affair, once there is one.
    for (const { key } of unresolvedKeys) this.#addPrefix(key.slice(0, key.indexOf("{{")), title);
  }

  addArtifact({ key, bucket }: NamedArtifact, owner: string): void {
    // The same bucket has many endpoints: only another bucket is surely another place.
    const own = this.#options.repository.bucket;
    if (bucket !== "" && own !== "" && bucket !== own) return;
    // Some stores' drivers clean keys before they use them.
    for (const each of [key, joinKey(key), key.replace(/^\/+/, "")]) this.#keys.set(each, owner);
  }

  /** Whose an object is; `modifiedMs` is when it was written. */
  ownershipOf(key: string, modifiedMs: number | undefined): Ownership {
    for (const claimed of selfAndAncestors(key)) {
      const owner = this.#keys.get(claimed);
      if (owner !== undefined) return { kind: "named", workflow: owner };
    }
    for (const length of this.#prefixLengths) {
      const owner = length <= key.length ? this.#prefixes.get(key.slice(0, length)) : undefined;
      if (owner !== undefined) return { kind: "unnamed", workflow: owner };
    }
    const span = this.#spans.find(
      ({ fromMs, toMs }) => modifiedMs === undefined || (modifiedMs >= fromMs && modifiedMs <= toMs),
    );
    if (span)
      return { kind: "uncertain", why: `${span.workflow} may have written it: its keys are not known` };
    return this.#ownershipByFormat(key);
  }

  #ownershipByFormat(key: string): Ownership {
    if (this.#formats.size > keyFormatsMax) {
      return { kind: "uncertain", why: `workflows have more than ${keyFormatsMax} key formats` };
    }
    let guess: Ownership | undefined;
    for (const format of this.#formats.values()) {
      const owners = format.ownersOf(key);
      if (owners === undefined) continue;
      if (owners === "any" || !format.namesWorkflows) {
        return { kind: "uncertain", why: `the key format ${format.text} does not tell whose it is` };
      }
      for (const owner of owners) {
        if (this.#isKnown(owner)) return { kind: "unnamed", workflow: ownerTitle(owner) };
      }
      if (!owners.every((owner) => this.#wasRead(owner))) {
        return { kind: "uncertain", why: "it may be of a namespace that was not read" };
      }
      const [first] = owners;
      if (first) guess ??= { kind: "orphan", workflow: ownerTitle(first) };
    }
    return guess ?? { kind: "foreign" };
  }

  #isKnown({ namespace, name, uid }: KeyOwner): boolean {
    if (uid !== undefined && this.#workflows.has(`uid ${uid}`)) return true;
    // A workflow that is retried from the archive has a new uid, and its old keys.
    if (name === undefined) return false;
    return this.#workflows.has(`name ${namespace === undefined ? name : `${namespace}/${name}`}`);
  }

  #wasRead({ namespace }: KeyOwner): boolean {
    const { onlyNamespaces } = this.#options;
    return onlyNamespaces === undefined || (namespace !== undefined && onlyNamespaces.includes(namespace));
  }

  #addOpen(workflow: WorkflowRecord, title: string): void {
    const formats = workflow.keyFormats.length > 0 ? workflow.keyFormats : this.#options.keyFormats;
    const outputs: readonly UnresolvedKey[] = [
      ...workflow.unresolvedKeys,
      ...formats.map((key) => ({ role: "output" as const, key: joinKey(key) })),
    ];
    for (const { role, key } of outputs) {
      const start = knownStart(key, workflow);
      if (start !== "") this.#addPrefix(start, title);
      else if (role !== "input") this.#addSpan(workflow, title);
    }
  }

  #addSpan({ createdMs, finishedMs, isRunning }: WorkflowRecord, workflow: string): void {
    const fromMs = (createdMs ?? 0) - clockSlackMs;
    const toMs = isRunning || finishedMs === undefined ? Number.POSITIVE_INFINITY : finishedMs + clockSlackMs;
    if (this.#spans.some((span) => span.fromMs <= fromMs && span.toMs >= toMs)) return;
    this.#spans.push({ fromMs, toMs, workflow });
    // Each object is compared with all of them.
    if (this.#spans.length > spansMax) this.#spans.splice(0, this.#spans.length, union(this.#spans));
  }

  #addPrefix(prefix: string, owner: string): void {
    if (prefix === "" || prefix === "/") return;
    this.#prefixes.set(prefix, owner);
    this.#prefixLengths.add(prefix.length);
  }

  #addFormat(text: string): void {
    if (!hasTags(text) || this.#formats.size > keyFormatsMax) return;
    this.#formats.set(text, keyFormat(text));
  }
}

function union(spans: readonly TimeSpan[]): TimeSpan {
  return {
    fromMs: Math.min(...spans.map(({ fromMs }) => fromMs)),
    toMs: Math.max(...spans.map(({ toMs }) => toMs)),
    workflow: `one of ${spans.length} workflows`,
  };
}

function ownerTitle({ namespace, name, uid }: KeyOwner): string {
  return name === undefined ? (uid ?? "?") : namespace === undefined ? name : `${namespace}/${name}`;
}
