import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import type { Channel } from "../../../transfer/index.ts";
import type { StoreRequests } from "../../store-requests.ts";
import type { OssRequest } from "./requests.ts";

/**
 * Makes the bucket if it is not there (docs/contract/artifacts.md#5.4, Save). It is looked up first: an identity that may
 * write but not create buckets saves as usual.
 */
export async function ensureBucket(
  bucket: string,
  requests: StoreRequests<OssRequest>,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const send = async (request: OssRequest) => {
    await channel.request(() => requests.sendForHead(request, signal), signal);
  };
  try {
    await send({ method: "GET", query: { bucketInfo: "" } });
    return;
  } catch (error) {
    // Forbidden: it is there, or somebody else's; the save will tell.
    if (isExecutorError(error, "Forbidden")) return;
    // A missing bucket is BadRequest everywhere else: what is missing is never an object.
    if (!isExecutorError(error, "BadRequest", "NotFound")) {
      throw ExecutorError.wrap(error, `failed to check if bucket ${bucket} exists`);
    }
  }
  try {
    await send({ method: "PUT" });
  } catch (error) {
    // Two steps of a workflow may find it missing together.
    if (isExecutorError(error, "Conflict")) return;
    throw ExecutorError.wrap(error, `failed to automatically create bucket ${bucket} when it's not present`);
  }
}
