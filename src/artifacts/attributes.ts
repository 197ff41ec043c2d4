import type { ObjectAttributes } from "../transfer/index.ts";

/** What a store assumes where nobody says what an object is. */
const defaultType = "application/octet-stream";

/** The names of HTTP for what is kept beside an object, and ours. */
const fields = {
  "content-encoding": "contentEncoding",
  "content-disposition": "contentDisposition",
  "content-language": "contentLanguage",
  "cache-control": "cacheControl",
} as const satisfies Readonly<Record<string, keyof ObjectAttributes>>;

/** How one kind of store spells attributes in headers. */
export interface AttributeNames {
  /** Before the names of metadata, such as `x-amz-meta-`. */
  readonly metadata: string;
  /** Before the names of HTTP in requests, such as `x-ms-blob-`; empty where they are sent as they are. */
  readonly standard: string;
  /** Metadata of our own, which belongs to the bytes and is written anew with them. */
  readonly own: readonly string[];
}

/** What the head of an answer says of the object's attributes. `headers` have names in lower case. */
export function readAttributes(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  names: AttributeNames,
): ObjectAttributes {
  const text = (name: string) => headers[name]?.toString();
  const found: Record<string, string> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = text(name);
    // What compressed or chunked the transfer is no attribute of the object.
    if (value !== undefined && value !== "" && value !== "aws-chunked") found[field] = value;
  }
  const metadata: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    if (!name.startsWith(names.metadata)) continue;
    const own = name.slice(names.metadata.length);
    if (!names.own.includes(own)) metadata[own] = text(name) ?? "";
  }
  return {
    contentType: text("content-type") || defaultType,
    ...found,
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  };
}

/** The headers that leave the attributes with an object. */
export function attributeHeaders(
  attributes: ObjectAttributes,
  { metadata, standard }: AttributeNames,
): Record<string, string> {
  const headers: Record<string, string> = { [`${standard}content-type`]: attributes.contentType };
  for (const [name, field] of Object.entries(fields)) {
    const value = attributes[field];
    if (value !== undefined) headers[`${standard}${name}`] = value;
  }
  for (const [name, value] of Object.entries(attributes.metadata ?? {}))
    headers[`${metadata}${name}`] = value;
  return headers;
}
