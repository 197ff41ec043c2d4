import { ExecutorError } from "../../../errors/index.ts";
import { type HttpClient, TokenSource } from "../../../http/index.ts";
import type { AzureLocation } from "../../../template/index.ts";
import type { DriverContext } from "../../driver.ts";
import { tokenSource } from "./identity.ts";

/** What proves who we are. */
export type AzureCredentials =
  | { readonly kind: "key"; readonly key: string }
  /** The parameters of a shared access signature, as they stand in the secret. */
  | { readonly kind: "sas"; readonly query: string }
  | { readonly kind: "token"; readonly token: string };

/** Chooses where the credentials come from (docs/contract/artifacts.md#5.3, Credentials): `useSDKCreds` goes first. */
export function openCredentials(
  location: AzureLocation,
  context: DriverContext,
  http: HttpClient,
): TokenSource<AzureCredentials> {
  if (location.useSDKCreds === true) {
    const fetch = tokenSource(context.settings.identityVariables, http, context.settings.caPem);
    return new TokenSource(async (signal) => {
      const { token, expiresAtMs } = await fetch(signal);
      return { token: { kind: "token", token }, expiresAtMs };
    });
  }
  const { accountKeySecret } = location;
  if (accountKeySecret?.name === undefined || accountKeySecret.name === "") {
    throw new ExecutorError(
      "BadRequest",
      "accountKey secret is required for Azure Blob Storage if useSDKCreds is false",
    );
  }
  // The kubelet replaces the file when the secret is rotated; asked again after a refusal, it is read again.
  return new TokenSource(async () => {
    const text = Buffer.from(await context.readSecret(accountKeySecret))
      .toString()
      .trim();
    return {
      token: readSecretText(text, accountKeySecret.name ?? ""),
      expiresAtMs: Number.POSITIVE_INFINITY,
    };
  });
}

function readSecretText(text: string, secretName: string): AzureCredentials {
  // The reference's own test. A signature alone, `sig=...`, would be useless anyway.
  if (/[?&][^=]+=[^&]+/.test(text))
    return { kind: "sas", query: checkedSas(text.replace(/^\?+/, ""), secretName) };
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return { kind: "key", key: text };
  throw new ExecutorError(
    "BadRequest",
    `the secret ${secretName} holds neither an account key (base64) nor a SAS token (sv=...&sig=...)`,
  );
}

/** It becomes part of a request line, where nothing but printable ASCII may stand. */
function checkedSas(query: string, secretName: string): string {
  if (/^[\x21-\x7e]+$/.test(query) && !query.includes("#")) return query;
  throw new ExecutorError(
    "BadRequest",
    `the secret ${secretName} holds a SAS token with blanks or line breaks`,
  );
}
