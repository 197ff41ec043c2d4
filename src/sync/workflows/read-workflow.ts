import {
  type ArtifactLocation,
  getKey,
  hasLocation,
  locationKinds,
  locationType,
  locationTypes,
} from "../../template/index.ts";
import { type JsonObject, listAt, memberAt, objectAt, textAt, textsAt, timeAt } from "./json.ts";
import { nodeStatus } from "./node-status.ts";
import { hasTags } from "./tags.ts";
import type {
  ArtifactRole,
  GcStrategy,
  NamedArtifact,
  StorePlace,
  UnresolvedKey,
  WorkflowRecord,
  WorkflowSource,
} from "./workflow.ts";

const gcFinalizer = "workflows.argoproj.io/artifact-gc";
const labelOf = {
  completed: "workflows.argoproj.io/completed",
  archiving: "workflows.argoproj.io/workflow-archiving-status",
  template: "workflows.argoproj.io/workflow-template",
  clusterTemplate: "workflows.argoproj.io/cluster-workflow-template",
  cron: "workflows.argoproj.io/cron-workflow",
};
/** How a repository says how keys are made: Azure's and HDFS' have words of their own. */
const formatFields = ["keyFormat", "blobNameFormat", "pathFormat"];
const finishedPhases = ["Succeeded", "Failed", "Error"];

/** Reads a Workflow manifest; what is missing or has another form counts as not said. */
export async function readWorkflow(workflow: unknown, source: WorkflowSource): Promise<WorkflowRecord> {
  const labels = textsAt(workflow, "metadata", "labels");
  const name = textAt(workflow, "metadata", "name");
  const phase = textAt(workflow, "status", "phase");
  const { nodes, unknownBecause } = await nodeStatus(workflow);
  // Where the workflow is based on a template, that is what runs (`execWf` of the controller).
  const stored = objectAt(workflow, "status", "storedWorkflowTemplateSpec");
  const specs = [objectAt(workflow, "spec"), stored];
  const found = new Findings(strategyOf(specs));
  for (const [nodeId, node] of Object.entries(nodes)) found.addNode(nodeId, node);
  for (const spec of specs) found.addSpec(spec);
  for (const template of Object.values(objectAt(workflow, "status", "storedTemplates"))) {
    found.addTemplate(template);
  }
  const repository = objectAt(workflow, "status", "artifactRepositoryRef", "artifactRepository");
  for (const type of locationTypes) {
    for (const field of formatFields) found.addKeyFormat(textAt(repository, type, field));
  }
  const isFinished = labels[labelOf.completed] === "true" || finishedPhases.includes(phase);
  return {
    source,
    namespace: textAt(workflow, "metadata", "namespace"),
    name,
    uid: textAt(workflow, "metadata", "uid"),
    labels,
    phase,
    isRunning: source !== "archive" && !isFinished,
    isBeingDeleted: textAt(workflow, "metadata", "deletionTimestamp") !== "",
    createdMs: timeAt(workflow, "metadata", "creationTimestamp"),
    finishedMs: timeAt(workflow, "status", "finishedAt"),
    origin:
      [labels[labelOf.cron], labels[labelOf.template], labels[labelOf.clusterTemplate]].find(Boolean) ??
      (textAt(workflow, "metadata", "generateName") || name),
    parameters: parametersOf(specs),
    artifacts: found.artifacts,
    unresolvedKeys: found.unresolvedKeys,
    repository: placeOf(repository),
    keyFormats: [...found.keyFormats],
    unknownBecause,
    hasGcFinalizer: listAt(workflow, "metadata", "finalizers").includes(gcFinalizer),
    forcesFinalizerRemoval: specs.some(
      (spec) => memberAt(spec, "artifactGC", "forceFinalizerRemoval") === true,
    ),
    strategiesProcessed: Object.entries(
      objectAt(workflow, "status", "artifactGCStatus", "strategiesProcessed"),
    )
      .filter(([, isProcessed]) => isProcessed === true)
      .map(([strategy]) => strategy),
    archivingStatus: labels[labelOf.archiving] ?? "",
  };
}

/** The artifacts that a template, or anything with `templates` and `arguments`, names: inputs, as it keeps nothing. */
export function namedBySpec(spec: unknown): Pick<WorkflowRecord, "artifacts" | "unresolvedKeys"> {
  const found = new Findings("");
  found.addSpec(spec);
  return found;
}

/** The artifacts of a node's outputs, as a memoization cache keeps them. */
export function namedByOutputs(outputs: unknown): readonly NamedArtifact[] {
  const found = new Findings("");
  found.addNode("", { outputs });
  return found.artifacts;
}

/** Collects what a workflow names. */
class Findings {
  readonly artifacts: NamedArtifact[] = [];
  readonly unresolvedKeys: UnresolvedKey[] = [];
  readonly keyFormats = new Set<string>();
  readonly #strategy: GcStrategy;

  constructor(strategy: GcStrategy) {
    this.#strategy = strategy;
  }

  addNode(nodeId: string, node: unknown): void {
    const place = { nodeId, template: templateOf(node) };
    for (const artifact of listAt(node, "outputs", "artifacts")) {
      const isLog = /-logs$/.test(textAt(artifact, "name")) && textAt(artifact, "path") === "";
      this.#add(artifact, isLog ? "log" : "output", place);
    }
    for (const artifact of listAt(node, "inputs", "artifacts")) this.#add(artifact, "input", place);
  }

  addSpec(spec: unknown): void {
    const place = { nodeId: "", template: "" };
    for (const artifact of listAt(spec, "arguments", "artifacts")) this.#add(artifact, "input", place);
    this.addTemplate(memberAt(spec, "templateDefaults"));
    for (const template of listAt(spec, "templates")) this.addTemplate(template);
  }

  addTemplate(template: unknown): void {
    const place = { nodeId: "", template: textAt(template, "name") };
    for (const artifact of listAt(template, "inputs", "artifacts")) this.#add(artifact, "input", place);
    for (const artifact of listAt(template, "outputs", "artifacts")) this.#add(artifact, "output", place);
    this.#add(memberAt(template, "data", "source", "artifactPaths"), "input", place);
    for (const step of [...listAt(template, "steps").flat(), ...listAt(template, "dag", "tasks")]) {
      for (const artifact of listAt(step, "arguments", "artifacts")) this.#add(artifact, "input", place);
      this.addTemplate(memberAt(step, "inline"));
    }
    this.addKeyFormat(keyOf(objectAt(template, "archiveLocation")));
  }

  addKeyFormat(format: string): void {
    if (format !== "") this.keyFormats.add(format);
  }

  #add(artifact: unknown, role: ArtifactRole, place: { readonly nodeId: string; readonly template: string }) {
    const location = objectAt(artifact);
    const key = keyOf(location);
    const type = locationType(location as ArtifactLocation);
    if (key === "" || type === undefined) return;
    if (hasTags(key)) {
      this.unresolvedKeys.push({ role, key });
      return;
    }
    this.artifacts.push({
      ...place,
      type,
      endpoint: "",
      bucket: "",
      ...placeOf(location),
      role,
      name: textAt(location, "name"),
      key,
      isFull: hasLocation(location as ArtifactLocation),
      strategy: ownStrategy(textAt(location, "artifactGC", "strategy")) ?? this.#strategy,
      isDeleted: memberAt(location, "deleted") === true,
    });
  }
}

/** The store of a location or of a repository, which look the same as far as that goes. */
export function placeOf(location: JsonObject): StorePlace | undefined {
  const type = locationType(location as ArtifactLocation);
  if (type === undefined) return undefined;
  const store = objectAt(location, type);
  return {
    type,
    endpoint: textAt(store, "endpoint"),
    bucket: textAt(store, locationKinds[type].bucketField ?? ""),
  };
}

/** Empty where the location has no key, or is not what it should be. */
function keyOf(location: JsonObject): string {
  try {
    const key: unknown = getKey(location as ArtifactLocation);
    return typeof key === "string" ? key : "";
  } catch {
    // Locations without keys (git, raw, none at all) name no object of a store.
    return "";
  }
}

function templateOf(node: unknown): string {
  return textAt(node, "templateName") || textAt(node, "templateRef", "template");
}

function strategyOf(specs: readonly unknown[]): GcStrategy {
  const found = specs.map((spec) => ownStrategy(textAt(spec, "artifactGC", "strategy")));
  return found.find((strategy) => strategy !== undefined) ?? "";
}

/** Undefined where nothing is said; a word that nobody knows keeps the artifact. */
function ownStrategy(text: string): GcStrategy | undefined {
  if (text === "") return undefined;
  return text === "OnWorkflowCompletion" || text === "OnWorkflowDeletion" ? text : "Never";
}

function parametersOf(specs: readonly unknown[]): Readonly<Record<string, string>> {
  const values: Record<string, string> = Object.create(null);
  for (const spec of specs.toReversed()) {
    for (const parameter of listAt(spec, "arguments", "parameters")) {
      const value = memberAt(parameter, "value") ?? memberAt(parameter, "default");
      if (value !== undefined && value !== null) values[textAt(parameter, "name")] = String(value);
    }
  }
  return values;
}
