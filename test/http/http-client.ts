import type { TestContext } from "node:test";
import { HttpClient, type HttpClientOptions } from "../../src/http/index.ts";

/** A client that goes with the test. */
export function openClient(t: TestContext, options: HttpClientOptions = {}): HttpClient {
  const client = new HttpClient(options);
  t.after(() => client[Symbol.dispose]());
  return client;
}
