import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ExecutorError, errorText } from "../../../errors/index.ts";
import { type HttpClient, type Token, TokenSource } from "../../../http/index.ts";
import type { GcsLocation } from "../../../template/index.ts";
import type { DriverContext } from "../../driver.ts";
import { askMetadataServer, type KeyFile, refreshUserToken, serviceAccountToken } from "./identity.ts";

type Fetch = (signal: AbortSignal) => Promise<Token<string>>;
type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Chooses where tokens come from (docs/contract/artifacts.md#5.2, Credentials): the location's key, else Application Default
 * Credentials. Undefined: none are needed, as for an emulator.
 */
export function openCredentials(
  location: GcsLocation,
  context: DriverContext,
  http: HttpClient,
  isEmulator: boolean,
): TokenSource<string> | undefined {
  const { serviceAccountKeySecret } = location;
  if (serviceAccountKeySecret?.name) {
    // The kubelet replaces the file when the secret is rotated; it is read for each token.
    return new TokenSource(async (signal) => {
      const text = Buffer.from(await context.readSecret(serviceAccountKeySecret)).toString();
      const source = `the secret ${serviceAccountKeySecret.name}`;
      const key = parseKeyFile(text, source);
      if (key.type !== "service_account") {
        const found = JSON.stringify(String(key.type).slice(0, 40));
        const text = `GCS client CredentialsFromJSONWithType: ${source} is of type ${found}; only service_account is accepted there`;
        throw new ExecutorError("BadRequest", text);
      }
      return await serviceAccountToken(key, source, http, signal);
    });
  }
  if (isEmulator) return undefined;
  return new TokenSource(applicationDefault(context.settings.identityVariables, http));
}

/** Application Default Credentials: a file that is named, the well-known file, the metadata server. */
function applicationDefault(variables: Variables, http: HttpClient): Fetch {
  return async (signal) => {
    const named = variables.GOOGLE_APPLICATION_CREDENTIALS;
    const path = named || wellKnownFile(variables);
    const text = path === undefined ? undefined : await readKeyFile(path, Boolean(named));
    if (text === undefined) return await askMetadataServer(variables, http, signal);
    const key = parseKeyFile(text, path ?? "");
    switch (key.type) {
      case "service_account":
        return await serviceAccountToken(key, path ?? "", http, signal);
      case "authorized_user":
        return await refreshUserToken(key, path ?? "", http, signal);
      case "external_account": {
        const { federatedToken } = await import("./federation.ts");
        return await federatedToken(key, http, signal);
      }
      default: {
        const type = JSON.stringify(String(key.type).slice(0, 40));
        throw new ExecutorError(
          "BadRequest",
          `GCS storage.NewClient: ${path} holds credentials of type ${type}`,
        );
      }
    }
  };
}

function wellKnownFile({ CLOUDSDK_CONFIG: config, HOME: home }: Variables): string | undefined {
  const folder = config || (home ? join(home, ".config/gcloud") : undefined);
  return folder === undefined ? undefined : join(folder, "application_default_credentials.json");
}

async function readKeyFile(path: string, mustExist: boolean): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (!mustExist) return undefined;
    const text = `GCS storage.NewClient: GOOGLE_APPLICATION_CREDENTIALS cannot be read: ${errorText(cause)}`;
    throw new ExecutorError("BadRequest", text, { cause });
  }
}

function parseKeyFile(text: string, source: string): KeyFile {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null) return value as KeyFile;
  } catch {
    // Told below; what is wrong with a text that is a secret is not.
  }
  throw new ExecutorError(
    "BadRequest",
    `GCS client CredentialsFromJSONWithType: ${source} is not a JSON key file`,
  );
}
