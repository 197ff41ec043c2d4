import { afterAll, fromKeyBytes, type KeyBytes, percentEncode } from "./key-bytes.ts";
import type { Bucket, StoredObject } from "./object-store.ts";
import { Refusal } from "./refusal.ts";
import { type Operation, type Reply, requireBucket } from "./request.ts";
import { element, xmlDocument } from "./xml.ts";

interface Page {
  readonly items: readonly (StoredObject | { readonly prefix: KeyBytes })[];
  /** Where the next page begins (keys greater than or equal), if there is one. */
  readonly next: KeyBytes | undefined;
}

interface Selection {
  readonly prefix: KeyBytes;
  readonly delimiter: KeyBytes;
  readonly max: number;
  /** The first key to look at. */
  readonly from: KeyBytes;
}

/** ListObjectsV2 with `list-type=2`, otherwise the first version. */
export function listObjects(operation: Operation): Reply {
  const { query } = operation;
  const bucket = requireBucket(operation);
  return query.get("list-type") === "2" ? listV2(bucket, query) : listV1(bucket, query);
}

function listV2(bucket: Bucket, query: ReadonlyMap<string, string>): Reply {
  const token = query.get("continuation-token");
  const startAfter = query.get("start-after");
  const from = token === undefined ? after(startAfter) : Buffer.from(token, "base64url").toString("latin1");
  if (token !== undefined && !from.startsWith("next:")) {
    throw new Refusal(400, "InvalidArgument", "The continuation token provided is incorrect");
  }
  const selection = readSelection(query, token === undefined ? from : from.slice("next:".length));
  const page = readPage(bucket, selection);
  const write = textWriter(query);
  const next =
    page.next === undefined ? undefined : Buffer.from(`next:${page.next}`, "latin1").toString("base64url");
  const content = [
    commonElements(bucket, query, selection, page, write),
    element("KeyCount", page.items.length),
    token === undefined ? "" : element("ContinuationToken", token),
    next === undefined ? "" : element("NextContinuationToken", next),
    startAfter === undefined ? "" : element("StartAfter", write(startAfter)),
  ];
  return { status: 200, body: xmlDocument("ListBucketResult", content.join("")) };
}

function listV1(bucket: Bucket, query: ReadonlyMap<string, string>): Reply {
  const marker = query.get("marker") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  // A marker that is a common prefix stands for everything below it.
  const isPrefix = delimiter !== "" && marker.endsWith(delimiter);
  const selection = readSelection(query, isPrefix ? marker + afterAll : after(marker));
  const page = readPage(bucket, selection);
  const write = textWriter(query);
  const last = page.items.at(-1);
  const content = [
    commonElements(bucket, query, selection, page, write),
    element("Marker", write(marker)),
    // Without a delimiter the client takes the last key (S3 API reference, ListObjects).
    page.next === undefined || !last || delimiter === "" ? "" : element("NextMarker", write(nameOf(last))),
  ];
  return { status: 200, body: xmlDocument("ListBucketResult", content.join("")) };
}

/** The smallest key greater than the given one. */
function after(key: KeyBytes | undefined): KeyBytes {
  return key ? `${key}\u0000` : "";
}

function nameOf(item: Page["items"][number]): KeyBytes {
  return "key" in item ? item.key : item.prefix;
}

function readSelection(query: ReadonlyMap<string, string>, from: KeyBytes): Selection {
  const text = query.get("max-keys") ?? "1000";
  if (!/^\d{1,9}$/.test(text)) {
    throw new Refusal(400, "InvalidArgument", "Provided max-keys not an integer or within integer range");
  }
  return {
    prefix: query.get("prefix") ?? "",
    delimiter: query.get("delimiter") ?? "",
    max: Math.min(1000, Number(text)),
    from,
  };
}

function readPage({ objects }: Bucket, { prefix, delimiter, max, from }: Selection): Page {
  const items: Page["items"][number][] = [];
  let position = from > prefix ? from : prefix;
  while (max > 0) {
    let skipTo: KeyBytes | undefined;
    for (const key of objects.keysFrom(position)) {
      if (!key.startsWith(prefix)) return { items, next: undefined };
      if (items.length === max) return { items, next: key };
      const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
      if (end < 0) {
        items.push(objects.get(key) as StoredObject);
        continue;
      }
      const common = key.slice(0, end + delimiter.length);
      items.push({ prefix: common });
      skipTo = common + afterAll;
      break;
    }
    if (skipTo === undefined) break;
    position = skipTo;
  }
  return { items, next: undefined };
}

function commonElements(
  { name }: Bucket,
  query: ReadonlyMap<string, string>,
  { prefix, delimiter, max }: Selection,
  { items, next }: Page,
  write: (key: KeyBytes) => string,
): string {
  const encoding = query.get("encoding-type");
  let content = "";
  let prefixes = "";
  for (const item of items) {
    if ("key" in item) content += objectElement(item, write);
    else prefixes += `<CommonPrefixes>${element("Prefix", write(item.prefix))}</CommonPrefixes>`;
  }
  return [
    element("Name", name),
    element("Prefix", write(prefix)),
    delimiter === "" ? "" : element("Delimiter", write(delimiter)),
    element("MaxKeys", max),
    encoding === undefined ? "" : element("EncodingType", encoding),
    element("IsTruncated", next !== undefined),
    content,
    prefixes,
  ].join("");
}

function objectElement(object: StoredObject, write: (key: KeyBytes) => string): string {
  const algorithms = Object.keys(object.checksums).map((name) =>
    element("ChecksumAlgorithm", name.toUpperCase()),
  );
  return `<Contents>${element("Key", write(object.key))}${element("LastModified", new Date(object.modifiedMs).toISOString())}${element("ETag", `"${object.etag}"`)}${algorithms.join("")}${element("Size", object.sizeBytes)}${element("StorageClass", "STANDARD")}</Contents>`;
}

function textWriter(query: ReadonlyMap<string, string>): (key: KeyBytes) => string {
  return query.get("encoding-type") === "url" ? (key) => percentEncode(key, "/") : fromKeyBytes;
}
