import type { KubeClient } from "../../src/kube/index.ts";

export interface WatchEvent<T> {
  readonly type: string;
  readonly object: T;
}

/** The events of one object. Resolves when the server watches: what happens from then on is among them. */
export async function watchEvents<T>(
  kube: KubeClient,
  { collection, name }: { readonly collection: string; readonly name: string },
  signal: AbortSignal,
): Promise<AsyncIterable<WatchEvent<T>>> {
  const query = new URLSearchParams({ watch: "1", fieldSelector: `metadata.name=${name}` });
  const { body } = await kube.open({ method: "GET", path: `${collection}?${query}` }, signal);
  return eventsOf(body);
}

/** Each is a line of JSON. */
async function* eventsOf<T>(body: AsyncIterable<unknown>): AsyncGenerator<WatchEvent<T>> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as WatchEvent<T>;
  }
}
