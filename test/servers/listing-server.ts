import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

const pageKeysMax = 1000;

/**
 * A bucket of S3 with as many objects as one wants and nothing in them: its listing is made up page by page, so that
 * a million objects cost the test nothing.
 * @param keyOf the key of an object by its number; they must rise with it
 */
export async function startListingServer(t: TestContext, count: number, keyOf: (index: number) => string) {
  const pages = { served: 0 };
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://s3").searchParams;
    const from = Number(query.get("continuation-token") ?? 0);
    const to = Math.min(count, from + Math.min(pageKeysMax, Number(query.get("max-keys"))));
    let items = "";
    for (let index = from; index < to; index += 1) {
      const key = encodeURIComponent(keyOf(index));
      items += `<Contents><Key>${key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>0</Size></Contents>`;
    }
    const isTruncated = to < count;
    const next = isTruncated ? `<NextContinuationToken>${to}</NextContinuationToken>` : "";
    pages.served += 1;
    response.setHeader("content-type", "application/xml");
    response.end(
      `<?xml version="1.0"?><ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${isTruncated}</IsTruncated>${next}${items}</ListBucketResult>`,
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`, pages };
}
