import { ExecutorError } from "../../../errors/index.ts";
import type { ArtifactoryLocation, HttpLocation, SecretSelector } from "../../../template/index.ts";
import type { DriverContext } from "../../driver.ts";

export interface OAuth2Config {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly tokenUrl: string;
  readonly scopes: readonly string[];
  readonly endpointParams: readonly { readonly key: string; readonly value?: string }[];
}

/** An http or artifactory location with its secrets read. */
export interface HttpConfig {
  readonly type: "http" | "artifactory";
  readonly url: string;
  /** By name as given; a name that occurs twice has two values. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly basicAuth: { readonly username: string; readonly password: string } | undefined;
  readonly oauth2: OAuth2Config | undefined;
  readonly clientCert: { readonly certPem: string; readonly keyPem: string } | undefined;
}

export async function readHttpConfig(location: HttpLocation, context: DriverContext): Promise<HttpConfig> {
  const { basicAuth, oauth2, clientCert } = location.auth ?? {};
  const headers = new Map<string, string[]>();
  for (const { name = "", value = "" } of location.headers ?? []) {
    if (name === "") throw new ExecutorError("BadRequest", "a header of the http location has no name");
    headers.set(name, [...(headers.get(name) ?? []), value]);
  }
  const pem = readPem(context);
  const [certPem, keyPem] = [await pem(clientCert?.clientCertSecret), await pem(clientCert?.clientKeySecret)];
  const hasCertificate = certPem !== "" && keyPem !== "";
  return {
    type: "http",
    url: checkUrl(location.url ?? ""),
    headers,
    basicAuth: await readBasicAuth(basicAuth?.usernameSecret, basicAuth?.passwordSecret, context),
    // A client certificate replaces the OAuth2 client (docs/contract/artifacts.md#5.6).
    oauth2: hasCertificate ? undefined : await readOAuth2(oauth2, context),
    clientCert: hasCertificate ? { certPem, keyPem } : undefined,
  };
}

export async function readArtifactoryConfig(
  location: ArtifactoryLocation,
  context: DriverContext,
): Promise<HttpConfig> {
  return {
    type: "artifactory",
    url: checkUrl(location.url ?? ""),
    headers: new Map(),
    basicAuth: await readBasicAuth(location.usernameSecret, location.passwordSecret, context),
    oauth2: undefined,
    clientCert: undefined,
  };
}

function checkUrl(url: string): string {
  if (/^https?:\/\//i.test(url) && URL.canParse(url)) return url;
  throw new ExecutorError(
    "BadRequest",
    `the artifact's url ${JSON.stringify(redact(url))} is not an http or https URL`,
  );
}

async function readBasicAuth(
  usernameSecret: SecretSelector | undefined,
  passwordSecret: SecretSelector | undefined,
  context: DriverContext,
): Promise<HttpConfig["basicAuth"]> {
  const username = await readText(usernameSecret, context);
  const password = await readText(passwordSecret, context);
  return username === "" || password === "" ? undefined : { username, password };
}

async function readOAuth2(
  oauth2: NonNullable<HttpLocation["auth"]>["oauth2"],
  context: DriverContext,
): Promise<OAuth2Config | undefined> {
  if (oauth2 === undefined) return undefined;
  const clientId = await readText(oauth2.clientIDSecret, context);
  const clientSecret = await readText(oauth2.clientSecretSecret, context);
  const tokenUrl = await readText(oauth2.tokenURLSecret, context);
  if (clientId === "" || clientSecret === "" || tokenUrl === "") return undefined;
  const { scopes = [], endpointParams = [] } = oauth2;
  const named = endpointParams.map(({ key = "", value = "" }) => ({ key, value }));
  return { clientId, clientSecret, tokenUrl: checkUrl(tokenUrl), scopes, endpointParams: named };
}

async function readText(selector: SecretSelector | undefined, context: DriverContext): Promise<string> {
  if (selector?.name === undefined || selector.name === "") return "";
  return Buffer.from(await context.readSecret(selector))
    .toString()
    .trim();
}

/** Key material is never trimmed (docs/contract/artifacts.md#4). */
function readPem(context: DriverContext): (selector: SecretSelector | undefined) => Promise<string> {
  return async (selector) => {
    if (selector?.name === undefined || selector.name === "") return "";
    return Buffer.from(await context.readSecret(selector)).toString();
  };
}

/**
 * A URL as it may stand in a message: without userinfo and without the values of its query
 * (docs/contract/artifacts.md#D-36).
 */
export function redact(url: string): string {
  const [base = "", ...queries] = url.split("?");
  const withoutUser = base.replace(/^([a-z]+:\/\/)[^/@]*@/i, "$1");
  if (queries.length === 0) return withoutUser;
  const query = queries.join("?").replace(/=[^&#]*/g, "=REDACTED");
  return `${withoutUser}?${query}`;
}
