import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type ApiServer, startApiServer } from "../servers/api-server/index.ts";

/** RFC 7386, appendix A. */
const mergePatches: readonly [unknown, unknown, unknown][] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, undefined],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

/** RFC 6902, appendix A. */
const jsonPatches: readonly [unknown, readonly object[], unknown][] = [
  [{ foo: "bar" }, [{ op: "add", path: "/baz", value: "qux" }], { baz: "qux", foo: "bar" }],
  [{ foo: ["bar", "baz"] }, [{ op: "add", path: "/foo/1", value: "qux" }], { foo: ["bar", "qux", "baz"] }],
  [{ baz: "qux", foo: "bar" }, [{ op: "remove", path: "/baz" }], { foo: "bar" }],
  [{ foo: ["bar", "qux", "baz"] }, [{ op: "remove", path: "/foo/1" }], { foo: ["bar", "baz"] }],
  [{ baz: "qux" }, [{ op: "replace", path: "/baz", value: "boo" }], { baz: "boo" }],
  [
    { foo: { bar: "baz", waldo: "fred" }, qux: { corge: "grault" } },
    [{ op: "move", from: "/foo/waldo", path: "/qux/thud" }],
    { foo: { bar: "baz" }, qux: { corge: "grault", thud: "fred" } },
  ],
  [
    { foo: ["all", "grass", "cows", "eat"] },
    [{ op: "move", from: "/foo/1", path: "/foo/3" }],
    { foo: ["all", "cows", "eat", "grass"] },
  ],
  [{ "/": 9, "~1": 10 }, [{ op: "test", path: "/~01", value: 10 }], { "/": 9, "~1": 10 }],
  [{ foo: ["bar"] }, [{ op: "add", path: "/foo/-", value: ["abc"] }], { foo: ["bar", ["abc"]] }],
  [{ foo: null }, [{ op: "copy", from: "/foo", path: "/bar" }], { foo: null, bar: null }],
];

const refused: readonly object[] = [
  { op: "test", path: "/data/a", value: "other" },
  { op: "add", path: "/none/b", value: 1 },
  { op: "remove", path: "/none" },
  { op: "replace", path: "/none", value: 1 },
  { op: "add", path: "/data/list/9", value: 1 },
  { op: "add", path: "no pointer", value: 1 },
  { op: "invent", path: "/data/a" },
];

const place = { group: "example.com", version: "v1", resource: "documents", namespace: "argo" };

/** A server with an object whose `data` is the document, and a function that patches it. */
async function documentServer(t: TestContext) {
  const server = await startApiServer();
  t.after(() => server[Symbol.asyncDispose]());
  let count = 0;
  return async (target: unknown, type: "merge-patch" | "json-patch", body: unknown) => {
    count += 1;
    const name = `document-${count}`;
    server.create(place, { metadata: { name }, data: target });
    const response = await patch(server, name, type, body);
    return { response, data: server.find({ ...place, name })?.data };
  };
}

function patch(server: ApiServer, name: string, type: string, body: unknown): Promise<Response> {
  return fetch(`${server.url}/apis/example.com/v1/namespaces/argo/documents/${name}`, {
    method: "PATCH",
    headers: { "content-type": `application/${type}+json` },
    body: JSON.stringify(body),
  });
}

/** The same operation on the `data` of an object. */
function belowData(operation: object): object {
  const moved = Object.entries(operation).map(([name, value]) =>
    name === "path" || name === "from" ? [name, `/data${value}`] : [name, value],
  );
  return Object.fromEntries(moved);
}

describe("API server's patches", () => {
  it("merge as RFC 7386 says", async (t) => {
    const apply = await documentServer(t);

    for (const [target, body, expected] of mergePatches) {
      const { data } = await apply(target, "merge-patch", { data: body });

      assert.deepEqual(data, expected, JSON.stringify(body));
    }
  });

  it("change documents as RFC 6902 says", async (t) => {
    const apply = await documentServer(t);

    for (const [target, body, expected] of jsonPatches) {
      const { data } = await apply(target, "json-patch", body.map(belowData));

      assert.deepEqual(data, expected, JSON.stringify(body));
    }
  });

  it("refuse what does not fit the document, and change nothing then", async (t) => {
    const apply = await documentServer(t);
    const target = { a: 1, list: [] };

    for (const operation of refused) {
      const { response, data } = await apply(target, "json-patch", [
        { op: "add", path: "/data/b", value: 2 },
        operation,
      ]);

      assert.equal(response.status, 422, JSON.stringify(operation));
      assert.deepEqual(data, target);
    }
  });
});
