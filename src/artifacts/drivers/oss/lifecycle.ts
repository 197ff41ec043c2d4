import { createHash } from "node:crypto";
import { ExecutorError, isExecutorError } from "../../../errors/index.ts";
import { payloadOf } from "../../../http/index.ts";
import type { OssLocation } from "../../../template/index.ts";
import type { Channel } from "../../../transfer/index.ts";
import { contentMd5 } from "../../digests.ts";
import type { StoreRequests } from "../../store-requests.ts";
import { elements, encodeXml, textOf } from "../../xml.ts";
import type { OssRequest } from "./requests.ts";

export interface LifecycleDays {
  readonly infrequentAccess: number;
  readonly deletion: number;
}

/** Undefined where nothing is asked for (docs/contract/artifacts.md#5.4, Lifecycle). */
export function readLifecycle({ lifecycleRule }: OssLocation): LifecycleDays | undefined {
  const infrequentAccess = lifecycleRule?.markInfrequentAccessAfterDays ?? 0;
  const deletion = lifecycleRule?.markDeletionAfterDays ?? 0;
  if (infrequentAccess === 0 && deletion === 0) return undefined;
  if (infrequentAccess > deletion) {
    throw new ExecutorError(
      "BadRequest",
      "markInfrequentAccessAfterDays cannot be large than markDeletionAfterDays",
    );
  }
  return { infrequentAccess, deletion };
}

/**
 * Sets the rule of one key and leaves all other rules of the bucket as they are; the reference replaces them all
 * (docs/contract/artifacts.md#D-12). Two pods that do so in the same moment may lose one of their rules: OSS has no way to
 * change one rule alone.
 */
export async function setLifecycle(
  key: string,
  days: LifecycleDays,
  requests: StoreRequests<OssRequest>,
  channel: Channel,
  signal: AbortSignal,
): Promise<void> {
  const send = (request: OssRequest) => channel.request(() => requests.sendForText(request, signal), signal);
  const id = createHash("sha256").update(key).digest("hex");
  let rules: readonly string[] = [];
  try {
    rules = elements(await send({ method: "GET", query: { lifecycle: "" } }), "Rule");
  } catch (error) {
    if (!isExecutorError(error, "NotFound"))
      throw ExecutorError.wrap(error, "failed to read the lifecycle rules");
  }
  const others = rules.filter((rule) => textOf(rule, "ID") !== id);
  const own = ruleOf(id, key, days);
  if (rules.some((rule) => rule === own)) return;
  const xml = [...others, own].map((rule) => `<Rule>${rule}</Rule>`).join("");
  const payload = payloadOf(Buffer.from(`<LifecycleConfiguration>${xml}</LifecycleConfiguration>`));
  const headers = { "content-md5": await contentMd5(payload), "content-type": "application/xml" };
  try {
    await send({ method: "PUT", query: { lifecycle: "" }, headers, payload });
  } catch (error) {
    throw ExecutorError.wrap(error, `failed to set the lifecycle rule of ${key}`);
  }
}

/** The reference's rule: expiration, transition to infrequent access, and an end for uploads that were given up. */
function ruleOf(id: string, key: string, { infrequentAccess, deletion }: LifecycleDays): string {
  const transition =
    infrequentAccess === 0
      ? ""
      : `<Transition><Days>${infrequentAccess}</Days><StorageClass>IA</StorageClass></Transition>`;
  return (
    `<ID>${id}</ID><Prefix>${encodeXml(key)}</Prefix><Status>Enabled</Status>` +
    `<Expiration><Days>${deletion}</Days></Expiration>${transition}` +
    `<AbortMultipartUpload><Days>${deletion}</Days></AbortMultipartUpload>`
  );
}
