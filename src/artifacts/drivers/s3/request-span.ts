import { span } from "../../../tracing/index.ts";

const operations: Readonly<Record<string, string>> = {
  GET: "GetObject",
  HEAD: "HeadObject",
  PUT: "PutObject",
  POST: "PostObject",
  DELETE: "DeleteObject",
};

/** A request to the store as a span, described as the reference's (docs/contract/roles.md#6.3). */
export function requestSpan<T extends { readonly status?: number } | undefined>(
  bucket: string,
  { method, key }: { readonly method: string; readonly key?: string },
  work: () => Promise<T>,
): Promise<T> {
  const attributes = () => ({
    "http.request.method": method,
    "s3.operation": method === "GET" && key === undefined ? "ListObjects" : (operations[method] ?? method),
    "s3.bucket": bucket,
    "s3.key": key ?? "",
  });
  return span(
    `HTTP ${method}`,
    attributes,
    async (own) => {
      const response = await work();
      if (response?.status !== undefined) own.set({ "http.response.status_code": response.status });
      return response;
    },
    { isClient: true },
  );
}
