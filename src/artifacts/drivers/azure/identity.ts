import { readFile } from "node:fs/promises";
import { ExecutorError, errorText, isExecutorError } from "../../../errors/index.ts";
import type { HttpClient, Token } from "../../../http/index.ts";
import { askIdentityForJson, readBearer } from "../../identity-request.ts";
import { sdkToken } from "./identity-sdk.ts";

type Variables = Readonly<Record<string, string | undefined>>;
type Fetch = (signal: AbortSignal) => Promise<Token<string>>;

const resource = "https://storage.azure.com";
const what = "Azure credentials for the azure location";

/**
 * The order of DefaultAzureCredential for what pods have: a client's secret in the environment, workload identity, then
 * the node's managed identity. These are one request each; what needs more than that is the SDK's: certificates, App
 * Service, Arc, the command line tools.
 */
export function tokenSource(variables: Variables, http: HttpClient, caPem: string | undefined): Fetch {
  const {
    AZURE_TENANT_ID: tenant,
    AZURE_CLIENT_ID: client,
    AZURE_CLIENT_SECRET: secret,
    AZURE_FEDERATED_TOKEN_FILE: tokenFile,
  } = variables;
  const fromSdk: Fetch = (signal) => sdkToken(variables, caPem, signal);
  if (tenant && client && secret) {
    return (signal) => askAuthority(variables, http, { client_id: client, client_secret: secret }, signal);
  }
  if (tenant && client && tokenFile) {
    return async (signal) => {
      const assertion = {
        client_id: client,
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        // The kubelet renews it; it is read for each question.
        client_assertion: await readToken(tokenFile),
      };
      return await askAuthority(variables, http, assertion, signal);
    };
  }
  const isElsewhere = [
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "IDENTITY_ENDPOINT",
    "MSI_ENDPOINT",
    "AZURE_USERNAME",
  ];
  if (isElsewhere.some((name) => variables[name])) return fromSdk;
  return async (signal) => {
    try {
      return await askNode(variables, http, signal);
    } catch (error) {
      // Without a metadata server there may be a command line tool that is logged in.
      if (!isExecutorError(error, "Transient")) throw error;
      return await fromSdk(signal).catch(() => {
        throw error;
      });
    }
  };
}

/** Client credentials of Microsoft Entra (OAuth 2.0, version 2). */
async function askAuthority(
  variables: Variables,
  http: HttpClient,
  proof: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Token<string>> {
  const authority = (variables.AZURE_AUTHORITY_HOST || "https://login.microsoftonline.com").replace(
    /\/+$/,
    "",
  );
  const url = `${authority}/${encodeURIComponent(variables.AZURE_TENANT_ID ?? "")}/oauth2/v2.0/token`;
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    scope: `${resource}/.default`,
    ...proof,
  });
  return readBearer(await askIdentityForJson(http, { what, url, form }, signal), what);
}

/** The Instance Metadata Service of the node. */
async function askNode(
  { AZURE_CLIENT_ID: client, AZURE_POD_IDENTITY_AUTHORITY_HOST: host }: Variables,
  http: HttpClient,
  signal: AbortSignal,
): Promise<Token<string>> {
  const base = (host || "http://169.254.169.254").replace(/\/+$/, "");
  const query = new URLSearchParams({
    "api-version": "2018-02-01",
    resource,
    ...(client ? { client_id: client } : {}),
  });
  const url = `${base}/metadata/identity/oauth2/token?${query}`;
  return readBearer(
    await askIdentityForJson(http, { what, url, headers: { metadata: "true" } }, signal),
    what,
  );
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (cause) {
    const text = `no ${what}: AZURE_FEDERATED_TOKEN_FILE cannot be read: ${errorText(cause)}`;
    throw new ExecutorError("Unauthorized", text, { cause });
  }
}
