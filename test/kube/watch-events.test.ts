import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { membersOf, valueAt } from "../../src/kube/json-members.ts";

describe("members of a JSON object", () => {
  it("are found without parsing the whole, in any valid JSON", () => {
    const value = fc.jsonValue();
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), fc.constantFrom(0, 1), (object, indent) => {
        const json = Buffer.from(JSON.stringify(object, undefined, indent));

        const found = [...membersOf(json, 0)].map(([name, at]) => [
          JSON.parse(`"${name}"`),
          valueAt(json, at),
        ]);

        assert.deepEqual(found, Object.entries(JSON.parse(json.toString())));
      }),
    );
  });

  it("cost nothing behind the one where the reader stops", () => {
    const json = Buffer.from(`{"a":1,"b":${"[".repeat(1000)}`);

    for (const [name, at] of membersOf(json, 0)) {
      assert.deepEqual([name, valueAt(json, at)], ["a", 1]);
      break;
    }
  });
});
