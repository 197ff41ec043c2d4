import { ExecutorError, errorText } from "../../errors/index.ts";
import { type ArtifactLocation, checkShape, locationShape, locationType } from "../../template/index.ts";
import { hdfsFolder, type RepositoryPlace } from "./repository-url.ts";

/** A repository's configuration with the secrets that stood beside it. */
export interface ConfiguredPlace extends RepositoryPlace {
  /** Values by `name/key`, from documents of kind Secret. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  /** The same of documents of kind ConfigMap. */
  readonly configMaps: ReadonlyMap<string, Uint8Array>;
}

type Document = Readonly<Record<string, unknown>>;

/** The annotation that names the repository to use where none is asked for. */
const defaultAnnotation = "workflows.argoproj.io/default-artifact-repository";
/** What the controller's own config map may hold its configuration under, oldest form last. */
const ownKeys = ["artifactRepository", "config"];

/**
 * Reads an artifact repository as the controller's configuration has it: `s3: {…}` alone, under `artifactRepository`,
 * or in a ConfigMap (the controller's, or one of `artifact-repositories`, whose default its annotation names). Secrets
 * may be documents of the same text.
 * @param text YAML or JSON
 * @param source for messages
 * @param wanted the key of the ConfigMap
 * @throws BadRequest saying what was looked for
 */
export async function parseRepositoryConfig(
  text: string,
  source: string,
  wanted: string | undefined,
): Promise<ConfiguredPlace> {
  const documents = await parseDocuments(text, source);
  const secrets = new Map(documents.filter(({ kind }) => kind === "Secret").flatMap(secretValues));
  const maps = documents.filter(({ kind }) => kind === "ConfigMap");
  const configMaps = new Map(maps.flatMap(({ metadata, data }) => plainValues(metadata, data)));
  const candidates = documents.filter(({ kind }) => kind !== "Secret");
  for (const document of candidates) {
    const found =
      document.kind === "ConfigMap"
        ? await fromConfigMap(document, source, wanted)
        : unwrapped(wanted === undefined ? document : object(document[wanted]));
    if (found !== undefined) return { ...placeOf(found, source), secrets, configMaps };
  }
  throw new ExecutorError(
    "BadRequest",
    `${source} holds no artifact repository${wanted === undefined ? "" : ` under ${JSON.stringify(wanted)}`}, such as s3: {endpoint: minio:9000, bucket: my-bucket, insecure: true}`,
  );
}

async function fromConfigMap(
  { data, metadata }: Document,
  source: string,
  wanted: string | undefined,
): Promise<Document | undefined> {
  const texts = object(data) ?? {};
  const annotated = object(object(metadata)?.annotations)?.[defaultAnnotation];
  const only = Object.keys(texts).length === 1 ? Object.keys(texts) : [];
  const keys = wanted !== undefined ? [wanted] : [annotated, ...ownKeys, ...only];
  for (const key of keys) {
    const value = typeof key === "string" && Object.hasOwn(texts, key) ? texts[key] : undefined;
    if (typeof value !== "string") continue;
    const [document] = await parseDocuments(value, `${source}, key ${String(key)}`);
    const found = unwrapped(document);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The location in a document: as it is, or as the controller's configuration has it. */
function unwrapped(document: Document | undefined): Document | undefined {
  for (const each of [document, object(document?.artifactRepository)]) {
    if (each !== undefined && locationType(each as ArtifactLocation) !== undefined) return each;
  }
  return undefined;
}

/** How keys are made is no part of the location. */
function placeOf(document: Document, source: string): RepositoryPlace {
  checkShape(document, locationShape, source);
  const location = document as ArtifactLocation;
  const type = locationType(location) ?? "s3";
  const {
    keyFormat: format,
    keyPrefix: prefix,
    blobNameFormat: blobFormat,
    ...rest
  } = location[type] as Document;
  const place = { location: { [type]: rest } as ArtifactLocation, prefix: "", hasSecrets: true };
  if (type === "hdfs") return hdfsPlace(place, source);
  // The oldest form, `keyPrefix`, stands before the default format.
  const older = typeof prefix === "string" ? `${prefix}/{{workflow.name}}/{{pod.name}}` : undefined;
  const keyFormat = [format, blobFormat, older].find((each) => typeof each === "string" && each !== "");
  return { ...place, keyFormat: keyFormat as string | undefined };
}

/** `pathFormat` is the format of its keys; a `path`, which artifacts have there, is the folder that is meant. */
function hdfsPlace(place: RepositoryPlace, source: string): RepositoryPlace {
  const { pathFormat, path = "/", ...hdfs } = { ...place.location?.hdfs } as Document;
  const { folder, prefix } = hdfsFolder(String(path), source);
  const keyFormat = typeof pathFormat === "string" && pathFormat !== "" ? pathFormat : undefined;
  return { ...place, location: { hdfs: { ...hdfs, path: folder } }, prefix, keyFormat };
}

async function parseDocuments(text: string, source: string): Promise<readonly Document[]> {
  const { parseAllDocuments } = await import("yaml");
  const parsed = parseAllDocuments(text);
  return (Array.isArray(parsed) ? parsed : []).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) {
      throw new ExecutorError("BadRequest", `${source} is no YAML: ${errorText(error)}`, { cause: error });
    }
    const value = object(document.toJS());
    return value === undefined ? [] : [value];
  });
}

function secretValues({ metadata, data, stringData }: Document): [string, Uint8Array][] {
  const name = String(object(metadata)?.name ?? "");
  const encoded = Object.entries(object(data) ?? {}).map(([key, value]): [string, Uint8Array] => [
    `${name}/${key}`,
    Buffer.from(String(value), "base64"),
  ]);
  return [...encoded, ...plainValues(metadata, stringData)];
}

function plainValues(metadata: unknown, data: unknown): [string, Uint8Array][] {
  const name = String(object(metadata)?.name ?? "");
  return Object.entries(object(data) ?? {}).map(([key, value]): [string, Uint8Array] => [
    `${name}/${key}`,
    Buffer.from(String(value)),
  ]);
}

function object(value: unknown): Document | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Document)
    : undefined;
}
