import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ExecutorError } from "../src/errors/index.ts";
import { type ArtifactLocation, checkShape, locationShape, locationType } from "../src/template/index.ts";
import type { Repository } from "./desk-servers.ts";
import { keyedData, parseDocuments } from "./manifest.ts";
import { secretSelectors } from "./secret-names.ts";

/** Credentials that the user's environment has for S3. */
export interface S3Credentials {
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  readonly sessionToken: string | undefined;
}

/**
 * Reads an artifact repository as an entry of the controller's `artifact-repositories` config map has it:
 * `s3: {endpoint, bucket, accessKeySecret: {name, key}, …}`. A secret is a document of kind Secret in the same file, or
 * the file NAME/KEY beside it; for S3, the variables of the AWS tools stand in.
 */
export async function readRepository(
  text: string,
  path: string,
  environment: S3Credentials,
): Promise<Repository> {
  const documents = await parseDocuments(text, path);
  const location = documents.find((document) => document.kind === undefined) as ArtifactLocation | undefined;
  if (!location || !locationType(location)) {
    throw new ExecutorError(
      "BadRequest",
      `${path} must hold an artifact repository, such as s3: {endpoint: localhost:9000, bucket: my-bucket, insecure: true}`,
    );
  }
  checkShape(location, locationShape, path);
  const secrets: Record<string, Record<string, string>> = { ...keyedData(documents).secrets };
  for (const { field, name, key } of secretSelectors(location)) {
    if (secrets[name]?.[key] !== undefined) continue;
    const value = (await readKey(join(dirname(path), name, key))) ?? variable(field, environment);
    if (value === undefined) {
      throw new ExecutorError(
        "NotFound",
        `${path}: secret ${name}, key ${key}, is missing: add a document of kind Secret, or the file ${name}/${key} beside it`,
      );
    }
    secrets[name] = { ...secrets[name], [key]: value };
  }
  return { location: withoutFormat(location), secrets };
}

async function readKey(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    // The environment may have it.
    return undefined;
  }
}

function variable(field: string, environment: S3Credentials): string | undefined {
  if (field === "accessKeySecret") return environment.accessKeyId;
  if (field === "secretKeySecret") return environment.secretAccessKey;
  return field === "sessionTokenSecret" ? environment.sessionToken : undefined;
}

/** How keys are made is the controller's business; ours are made of workflow and pod. */
function withoutFormat(location: ArtifactLocation): ArtifactLocation {
  const type = locationType(location);
  if (type === undefined) return location;
  const { keyFormat: _format, keyPrefix: _prefix, ...rest } = location[type] as Record<string, unknown>;
  return { ...location, [type]: rest };
}
