import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A bucket of any number of objects, none of which exists but in its listing. */
export interface EndlessStore {
  readonly url: string;
  /** Listing pages that were asked for. */
  readonly pages: number;
}

/** Key `index` of the bucket; longer than most artifacts' keys, as those of workflows are. */
export function endlessKey(index: number): string {
  return `argo/team-with-a-name/workflow-${String(Math.floor(index / 100)).padStart(9, "0")}/step-${String(index).padStart(12, "0")}/main.log`;
}

/**
 * Answers ListObjectsV2 for `count` keys, but those for which `omits` is true; the tag depends on the key alone, so that
 * two such stores are equal. Anything else is NotFound.
 */
export async function startEndlessStore(
  t: { after(end: () => void): void },
  count: number,
  omits: (index: number) => boolean = () => false,
): Promise<EndlessStore> {
  let pages = 0;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://x");
    const isListing = url.searchParams.get("list-type") === "2";
    if (!isListing) {
      request.resume();
      response.writeHead(404, { "content-length": "0" }).end();
      return;
    }
    pages += 1;
    const size = Number(url.searchParams.get("max-keys") ?? 1000);
    let index = Number(url.searchParams.get("continuation-token") ?? 0);
    const items: string[] = [];
    for (; index < count && items.length < size; index += 1) {
      if (omits(index)) continue;
      const tag = String(index).padStart(32, "0");
      items.push(
        `<Contents><Key>${endlessKey(index)}</Key><LastModified>2026-01-01T00:00:00.123Z</LastModified><ETag>&quot;${tag}&quot;</ETag><Size>17</Size></Contents>`,
      );
    }
    const more = index < count;
    // As long as those of real stores: V8 copies short texts that are cut out of a page, and refers to it for long ones.
    const token = String(index).padStart(48, "0");
    const xml = `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${more ? `<NextContinuationToken>${token}</NextContinuationToken>` : ""}${items.join("")}</ListBucketResult>`;
    response
      .writeHead(200, { "content-type": "application/xml", "content-length": String(xml.length) })
      .end(xml);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `s3://bucket?endpoint=http://127.0.0.1:${port}`,
    get pages() {
      return pages;
    },
  };
}
