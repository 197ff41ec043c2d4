import { ExecutorError } from "../../../errors/index.ts";
import type { AzureLocation } from "../../../template/index.ts";

/** An Azure location, checked. */
export interface AzureConfig {
  /** `https://host:port`, nothing after it. */
  readonly origin: string;
  /** The Host header. */
  readonly host: string;
  /** The path of the blob service: empty, or `/account` of an emulator. */
  readonly servicePath: string;
  readonly container: string;
  readonly account: string;
}

export function readAzureConfig({ endpoint = "", container = "" }: AzureLocation): AzureConfig {
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    const text = `unable to parse Azure Blob Storage endpoint url ${JSON.stringify(endpoint)}; write it as https://ACCOUNT.blob.core.windows.net`;
    throw new ExecutorError("BadRequest", text);
  }
  if (!/^https?:$/.test(url.protocol) || url.search !== "" || url.username !== "") {
    const text = `the azure location's endpoint ${JSON.stringify(url.host)} must be an http or https URL without query and user`;
    throw new ExecutorError("BadRequest", text);
  }
  // $root, $web and $logs are containers that Azure makes.
  if (!/^(\$root|\$web|\$logs|[a-z0-9](?:-?[a-z0-9]){2,62})$/.test(container)) {
    const text = `the azure location's container ${JSON.stringify(container)} is not a container name (3 to 63 of a-z, 0-9 and -)`;
    throw new ExecutorError("BadRequest", text);
  }
  const servicePath = url.pathname.replace(/\/+$/, "");
  return { origin: url.origin, host: url.host, servicePath, container, account: accountOf(url, servicePath) };
}

/** The first label of the host; for an emulator the first element of the path (docs/contract/artifacts.md#5.3). */
function accountOf({ hostname }: URL, servicePath: string): string {
  if (!hostname.startsWith("127.0.0.1") && !hostname.startsWith("localhost")) {
    return hostname.split(".", 1)[0] ?? "";
  }
  const [, account = ""] = servicePath.split("/");
  if (account !== "") return account;
  throw new ExecutorError(
    "BadRequest",
    "unable to determine storage account name from URL; for an emulator it is the path: http://127.0.0.1:10000/ACCOUNT",
  );
}
