import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { ExecutorError, errorText, isExecutorError } from "../../../errors/index.ts";
import type { HttpClient, Token } from "../../../http/index.ts";
import { askIdentity, askIdentityForJson } from "../../identity-request.ts";
import type { OssCredentials } from "./signature.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** What STS and the instance's metadata server answer, in two spellings. */
interface Answer {
  readonly AccessKeyId?: unknown;
  readonly AccessKeySecret?: unknown;
  readonly SecurityToken?: unknown;
  readonly Expiration?: unknown;
}

const what = "Alibaba Cloud credentials for the oss location";

/** RRSA: keys for the service account's token, from STS (AssumeRoleWithOIDC, which is not signed). */
export async function assumeRoleWithOidc(
  variables: Variables,
  http: HttpClient,
  signal: AbortSignal,
): Promise<Token<OssCredentials>> {
  const tokenFile = variables.ALIBABA_CLOUD_OIDC_TOKEN_FILE ?? "";
  const form = new URLSearchParams({
    Action: "AssumeRoleWithOIDC",
    Version: "2015-04-01",
    Format: "JSON",
    Timestamp: new Date().toISOString().replace(/\.\d+/, ""),
    SignatureNonce: randomUUID(),
    RoleArn: needed(variables, "ALIBABA_CLOUD_ROLE_ARN"),
    OIDCProviderArn: needed(variables, "ALIBABA_CLOUD_OIDC_PROVIDER_ARN"),
    OIDCToken: await readToken(tokenFile),
    RoleSessionName: variables.ALIBABA_CLOUD_ROLE_SESSION_NAME || "outrider",
    DurationSeconds: "3600",
  });
  const { Credentials } = await askIdentityForJson(http, { what, url: stsUrl(variables), form }, signal);
  return toCredentials((Credentials ?? {}) as Answer, "STS (AssumeRoleWithOIDC)");
}

/**
 * The role of the ECS instance, from its metadata server, with a session token where the server hands one out: instances
 * in "security hardening mode" answer nobody without.
 */
export async function instanceRole(
  variables: Variables,
  http: HttpClient,
  signal: AbortSignal,
): Promise<Token<OssCredentials>> {
  const base = variables.ALIBABA_CLOUD_ECS_METADATA_ENDPOINT ?? "http://100.100.100.200";
  const folder = "/latest/meta-data/ram/security-credentials/";
  const headers = await metadataHeaders(base, variables, http, signal);
  const role =
    variables.ALIBABA_CLOUD_ECS_METADATA ||
    (await askIdentity(http, { what, url: `${base}${folder}`, headers }, signal)).trim();
  if (!/^[\w.-]+$/.test(role)) throw noCredentials("the instance has no RAM role");
  const answer = await askIdentityForJson(http, { what, url: `${base}${folder}${role}`, headers }, signal);
  return toCredentials(answer, `the metadata server for the role ${role}`);
}

async function metadataHeaders(
  base: string,
  variables: Variables,
  http: HttpClient,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const question = {
    what,
    url: `${base}/latest/api/token`,
    method: "PUT",
    headers: { "x-aliyun-ecs-metadata-token-ttl-seconds": "300" },
  } as const;
  try {
    const token = (await askIdentity(http, question, signal)).trim();
    if (/^[\x21-\x7e]+$/.test(token)) return { "x-aliyun-ecs-metadata-token": token };
  } catch (error) {
    // Older servers know no tokens, and say so at once.
    if (isExecutorError(error, "Transient")) throw error;
  }
  if (!/^true$/i.test(variables.ALIBABA_CLOUD_IMDSV1_DISABLED ?? "")) return {};
  throw noCredentials("the metadata server hands out no token, and ALIBABA_CLOUD_IMDSV1_DISABLED is set");
}

function stsUrl(variables: Variables): string {
  const endpoint = variables.ALIBABA_CLOUD_STS_ENDPOINT;
  if (endpoint) return endpoint.includes("://") ? endpoint : `https://${endpoint}`;
  const region = variables.ALIBABA_CLOUD_STS_REGION;
  const isPrivate = /^true$/i.test(variables.ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED ?? "");
  return region
    ? `https://${isPrivate ? "sts-vpc" : "sts"}.${region}.aliyuncs.com`
    : "https://sts.aliyuncs.com";
}

function toCredentials(answer: Answer, source: string): Token<OssCredentials> {
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret, SecurityToken: securityToken } = answer;
  const expiresAtMs = Date.parse(String(answer.Expiration));
  const areTexts = [accessKeyId, accessKeySecret, securityToken].every(
    (each) => typeof each === "string" && each !== "",
  );
  if (!areTexts || Number.isNaN(expiresAtMs)) {
    throw new ExecutorError("Transient", `${source} answered without keys, token or expiration`);
  }
  const value = { accessKeyId, accessKeySecret, securityToken } as OssCredentials;
  return { token: value, expiresAtMs };
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (cause) {
    throw noCredentials(`ALIBABA_CLOUD_OIDC_TOKEN_FILE cannot be read: ${errorText(cause)}`);
  }
}

function needed(variables: Variables, name: string): string {
  const value = variables[name];
  if (value) return value;
  throw noCredentials(`${name} is not set beside ALIBABA_CLOUD_OIDC_TOKEN_FILE`);
}

function noCredentials(why: string): ExecutorError {
  return new ExecutorError("Unauthorized", `no ${what}: ${why}`);
}
