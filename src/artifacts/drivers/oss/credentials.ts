import { ExecutorError } from "../../../errors/index.ts";
import { type HttpClient, type Token, TokenSource } from "../../../http/index.ts";
import type { OssLocation, SecretSelector } from "../../../template/index.ts";
import type { DriverContext } from "../../driver.ts";
import { assumeRoleWithOidc, instanceRole } from "./identity.ts";
import { sdkCredentials } from "./identity-sdk.ts";
import type { OssCredentials } from "./signature.ts";

/** Chooses where the keys come from (docs/contract/artifacts.md#5.4, Credentials): `useSDKCreds` goes first. */
export function openCredentials(
  location: OssLocation,
  context: DriverContext,
  http: HttpClient,
): TokenSource<OssCredentials> {
  if (location.useSDKCreds === true) return new TokenSource(identityOf(context, http));
  const { accessKeySecret, secretKeySecret } = location;
  if (!isGiven(accessKeySecret) || !isGiven(secretKeySecret)) {
    const text =
      "the oss location needs accessKeySecret and secretKeySecret, or useSDKCreds: true for the identity of the pod";
    throw new ExecutorError("BadRequest", text);
  }
  const read = async (selector: SecretSelector) => {
    const text = Buffer.from(await context.readSecret(selector))
      .toString()
      .trim();
    if (text !== "") return text;
    throw new ExecutorError("BadRequest", `the secret ${selector.name} holds an empty OSS key`);
  };
  // The kubelet replaces the files when the secret is rotated; asked again after a refusal, they are read again.
  return new TokenSource(async () => {
    const securityToken = location.securityToken?.trim() || undefined;
    const value: OssCredentials = {
      accessKeyId: await read(accessKeySecret),
      accessKeySecret: await read(secretKeySecret),
      ...(securityToken === undefined ? {} : { securityToken }),
    };
    return { token: value, expiresAtMs: Number.POSITIVE_INFINITY };
  });
}

function isGiven(selector: SecretSelector | undefined): selector is SecretSelector {
  return selector?.name !== undefined && selector.name !== "";
}

/** Alibaba's default chain: keys in the environment, RRSA, then profile and credentials URI, then the instance's role. */
function identityOf(
  { settings }: DriverContext,
  http: HttpClient,
): (signal: AbortSignal) => Promise<Token<OssCredentials>> {
  const variables = settings.identityVariables;
  const {
    ALIBABA_CLOUD_ACCESS_KEY_ID: accessKeyId,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: accessKeySecret,
    ALIBABA_CLOUD_SECURITY_TOKEN: securityToken,
  } = variables;
  if (accessKeyId && accessKeySecret) {
    const value = { accessKeyId, accessKeySecret, ...(securityToken ? { securityToken } : {}) };
    return async () => ({ token: value, expiresAtMs: Number.POSITIVE_INFINITY });
  }
  if (variables.ALIBABA_CLOUD_OIDC_TOKEN_FILE) return (signal) => assumeRoleWithOidc(variables, http, signal);
  if (variables.ALIBABA_CLOUD_PROFILE || variables.ALIBABA_CLOUD_CREDENTIALS_URI) return sdkCredentials;
  return (signal) => instanceRole(variables, http, signal);
}
