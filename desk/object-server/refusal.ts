import { element, xmlDocument } from "./xml.ts";

/**
 * An S3 error as a client sees it: HTTP status, code and message (S3 API reference, "Error responses").
 * It is thrown by the operations and turned into an answer by the server, so it never reaches other code;
 * that is why it is no ExecutorError.
 */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  /** Further elements of the error document, such as the server's time. */
  readonly detail: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, detail: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
    this.detail = detail;
  }

  toXml(resource: string, requestId: string): string {
    const detail = Object.entries(this.detail).map(([name, value]) => element(name, value));
    return xmlDocument(
      "Error",
      element("Code", this.code) +
        element("Message", this.message) +
        detail.join("") +
        element("Resource", resource) +
        element("RequestId", requestId) +
        element("HostId", "local"),
    );
  }
}

export function noSuchKey(key: string): Refusal {
  return new Refusal(404, "NoSuchKey", "The specified key does not exist.", { Key: key });
}

export function noSuchBucket(bucket: string): Refusal {
  return new Refusal(404, "NoSuchBucket", "The specified bucket does not exist", { BucketName: bucket });
}

export function noSuchUpload(): Refusal {
  return new Refusal(
    404,
    "NoSuchUpload",
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
  );
}

export function notImplemented(what: string): Refusal {
  return new Refusal(501, "NotImplemented", `${what} is not implemented by this server`);
}

export function malformedXml(): Refusal {
  return new Refusal(
    400,
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
  );
}
