import { joinKey } from "../../template/index.ts";
import { compareKeys } from "../../transfer/index.ts";
import { hasTags, knownStart, type NamedArtifact, type WorkflowRecord } from "../workflows/index.ts";
import type { Changes, Unknown } from "./read-changes.ts";

/** Where objects may be new or other ones. */
export interface ChangedPlaces {
  /** Keys that something names: of an object, or of a directory of them. Sorted, each once. */
  readonly keys: readonly string[];
  /** What keys of workflows begin with whose nodes nobody can see. */
  readonly prefixes: readonly string[];
}

export interface PlacesOptions {
  /** Empty: any, as in a folder that holds a copy. */
  readonly bucket: string;
  readonly keyFormats: readonly string[];
}

/** The places that changes name in a repository. Unknown where a workflow may have written anywhere. */
export function changedPlaces(
  { workflows, results }: Changes,
  { bucket, keyFormats }: PlacesOptions,
): ChangedPlaces | Unknown {
  const keys = new Set<string>();
  const prefixes = new Set<string>();
  const add = (artifact: NamedArtifact) => {
    const isElsewhere = artifact.bucket !== "" && bucket !== "" && artifact.bucket !== bucket;
    if (isElsewhere || artifact.isDeleted) return;
    keys.add(artifact.key);
    // Some drivers clean keys before they use them.
    const cleaned = joinKey(artifact.key);
    if (cleaned !== "")
      keys.add(artifact.key.endsWith("/") && !cleaned.endsWith("/") ? `${cleaned}/` : cleaned);
  };
  for (const workflow of workflows) {
    for (const artifact of workflow.artifacts) add(artifact);
    if (workflow.unknownBecause === undefined) continue;
    for (const start of startsOf(workflow, keyFormats)) {
      if (start === "") {
        const title = `${workflow.namespace}/${workflow.name}`;
        return { unknownBecause: `${title} may have written anywhere: ${workflow.unknownBecause}` };
      }
      prefixes.add(start);
    }
  }
  for (const { artifacts } of results) for (const artifact of artifacts) add(artifact);
  return { keys: [...keys].sort(compareKeys), prefixes: outermost([...prefixes]) };
}

/** What the keys of a workflow begin with whose nodes cannot be seen. */
function startsOf(workflow: WorkflowRecord, keyFormats: readonly string[]): readonly string[] {
  const formats = [...keyFormats, ...workflow.keyFormats].map((format) => joinKey(format));
  const named = workflow.unresolvedKeys.map(({ key }) => key).filter(hasTags);
  return [...formats, ...named].map((format) => knownStart(format, workflow));
}

function outermost(prefixes: readonly string[]): readonly string[] {
  return prefixes.filter((prefix) => !prefixes.some((each) => each !== prefix && prefix.startsWith(each)));
}
