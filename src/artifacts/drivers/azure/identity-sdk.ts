import { ExecutorError, errorText } from "../../../errors/index.ts";
import type { Token } from "../../../http/index.ts";

/** Every identity that Azure's own library knows. It is loaded by pods that have one of the rarer kinds, and by no others. */
export async function sdkToken(
  variables: Readonly<Record<string, string | undefined>>,
  caPem: string | undefined,
  signal: AbortSignal,
): Promise<Token<string>> {
  const { DefaultAzureCredential } = await import("@azure/identity");
  const client = variables.AZURE_CLIENT_ID;
  const credential = new DefaultAzureCredential({
    ...(client ? { managedIdentityClientId: client } : {}),
    ...(caPem === undefined ? {} : { tlsOptions: { ca: caPem } }),
  });
  try {
    const found = await credential.getToken("https://storage.azure.com/.default", { abortSignal: signal });
    return { token: found.token, expiresAtMs: found.expiresOnTimestamp };
  } catch (error) {
    signal.throwIfAborted();
    const text = `unable to create default Azure credential: ${errorText(error).split("\n", 1)[0]}`;
    throw new ExecutorError("Unauthorized", text, { cause: error });
  }
}
