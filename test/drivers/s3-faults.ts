import type { Front } from "../servers/front.ts";
import type { FaultyStore } from "./fault-suite.ts";

/** Where faults strike requests of the S3 protocol, path style. */
export function s3Faults(front: Front, bucket: string, rotate?: () => void): FaultyStore {
  const object = new RegExp(`^/${bucket}/[^?]+`);
  return {
    front,
    read: { method: "GET", path: object },
    lookup: { method: "HEAD", path: object },
    write: { method: "PUT", path: object },
    begin: { method: "POST", path: /\?uploads/ },
    part: { method: "PUT", path: /partNumber=/ },
    list: { method: "GET", path: /list-type=2/ },
    withoutLength: { headers: { "content-length": undefined } },
    endless: (text) => text.replace("<IsTruncated>false</IsTruncated>", "<IsTruncated>true</IsTruncated>"),
    ...(rotate === undefined ? {} : { rotate }),
  };
}
