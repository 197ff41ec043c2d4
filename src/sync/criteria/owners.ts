import {
  type KeyFormat,
  keyFormat,
  type NamedArtifact,
  selfAndAncestors,
  type WorkflowRecord,
  workflowTitle,
} from "../workflows/index.ts";

/** What a workflow, and its template, is to an object. */
export interface ObjectOwner {
  readonly workflow: string;
  readonly isSelected: boolean;
  /** Empty where the key alone tells the workflow. */
  readonly template: string;
  readonly artifact: string;
  /** True where artifact GC is about to delete it, or has noted that it is gone. */
  readonly isBeingCollected: boolean;
}

/** Tells the workflow of an object: by the artifact that names it, else by the form of its key. */
export class Owners {
  /** Empty: any, as in a folder that holds a copy. */
  readonly #bucket: string;
  readonly #byKey = new Map<string, ObjectOwner>();
  /** By name, `namespace/name` and uid; the newest of a name. */
  readonly #workflows = new Map<string, ObjectOwner>();
  readonly #formats: readonly KeyFormat[];

  constructor(bucket: string, keyFormats: readonly string[]) {
    this.#bucket = bucket;
    this.#formats = keyFormats.map((format) => keyFormat(format));
  }

  add(workflow: WorkflowRecord, isSelected: boolean): void {
    const title = workflowTitle(workflow);
    const owner = { ...noOwner, workflow: title, isSelected };
    for (const name of [workflow.name, title, workflow.uid]) {
      if (name !== "" && !this.#workflows.get(name)?.isSelected) this.#workflows.set(name, owner);
    }
    this.#addArtifacts(owner, workflow.artifacts);
  }

  /** What a pod has reported that its workflow, by `namespace/name`, may not have yet. */
  addReported(title: string, artifacts: readonly NamedArtifact[]): void {
    const owner = this.#workflows.get(title) ?? { ...noOwner, workflow: title };
    this.#addArtifacts(
      owner,
      artifacts.filter(({ key }) => !this.#byKey.has(key)),
    );
  }

  #addArtifacts(owner: ObjectOwner, artifacts: readonly NamedArtifact[]): void {
    for (const { role, key, bucket, name: artifact, template, isDeleted } of artifacts) {
      // What a workflow reads is another's, unless nobody else names it.
      const isElsewhere = bucket !== "" && this.#bucket !== "" && bucket !== this.#bucket;
      if (isElsewhere || (role === "input" && this.#byKey.has(key))) continue;
      this.#byKey.set(key, { ...owner, artifact, template, isBeingCollected: isDeleted });
    }
  }

  /** Notes that a task of artifact GC names the key. */
  addCollected(key: string): void {
    const owner = this.#byKey.get(key) ?? noOwner;
    this.#byKey.set(key, { ...owner, isBeingCollected: true });
  }

  /** Undefined: nobody that is known. */
  ownerOf(key: string): ObjectOwner | undefined {
    for (const named of selfAndAncestors(key)) {
      const owner = this.#byKey.get(named);
      if (owner) return owner;
    }
    for (const format of this.#formats) {
      const owners = format.ownersOf(key);
      if (owners === undefined || owners === "any") continue;
      for (const { namespace, name, uid } of owners) {
        const known = this.#workflows.get(
          uid ?? (namespace === undefined ? `${name}` : `${namespace}/${name}`),
        );
        if (known) return known;
      }
    }
    return undefined;
  }
}

const noOwner: ObjectOwner = {
  workflow: "",
  isSelected: false,
  template: "",
  artifact: "",
  isBeingCollected: false,
};
