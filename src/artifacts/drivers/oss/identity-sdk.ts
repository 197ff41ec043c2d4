import { ExecutorError, errorText } from "../../../errors/index.ts";
import type { Token } from "../../../http/index.ts";
import type { OssCredentials } from "./signature.ts";

/** Its credentials carry no end; they are asked for anew this often, and the SDK knows when to ask its source. */
const askAgainAfterMs = 5 * 60_000;

/** What only Alibaba's SDK knows: profiles and credentials URIs. It is loaded by pods that use one, and by no others. */
export async function sdkCredentials(signal: AbortSignal): Promise<Token<OssCredentials>> {
  const { default: found } = await import("@alicloud/credentials");
  // A CommonJS package: Node hands out all of its exports as the default one, the bundle the default one itself.
  const { default: Client = found as unknown as typeof found.default } = found as Partial<typeof found>;
  signal.throwIfAborted();
  try {
    const { accessKeyId = "", accessKeySecret = "", securityToken } = await new Client().getCredential();
    const value = { accessKeyId, accessKeySecret, ...(securityToken ? { securityToken } : {}) };
    return { token: value, expiresAtMs: Date.now() + askAgainAfterMs };
  } catch (error) {
    const text = `no Alibaba Cloud credentials for the oss location: ${errorText(error)}`;
    throw new ExecutorError("Unauthorized", text, { cause: error });
  }
}
