import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { byteLength, bytesOf, compareText, joinText, sliceBytes, textOfBytes } from "../text/byte-text.ts";
import { parseTree, treeText } from "../text/json-tree.ts";
import { displayFloat, jsonFloat } from "../text/numbers.ts";

const bytes = fc.uint8Array({ maxLength: 40 });

describe("byte text", () => {
  it("gives back any bytes", () => {
    fc.assert(
      fc.property(bytes, (each) => assert.deepEqual(new Uint8Array(bytesOf(textOfBytes(each))), each)),
    );
  });

  it("is the same whether bytes are joined before or after they became text", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        assert.equal(joinText(textOfBytes(a), textOfBytes(b)), textOfBytes(Buffer.concat([a, b])));
      }),
    );
  });

  it("has the length, slices and order of its bytes", () => {
    fc.assert(
      fc.property(bytes, bytes, fc.nat(40), (a, b, at) => {
        const text = textOfBytes(a);
        assert.equal(byteLength(text), a.length);
        assert.equal(sliceBytes(text, at, 40), textOfBytes(a.subarray(at)));
        assert.equal(Math.sign(compareText(text, textOfBytes(b))), Buffer.compare(a, b));
      }),
    );
  });
});

describe("numbers as text", () => {
  const rows: readonly (readonly [number, string, string])[] = [
    [100000.5, "100000.5", "100000.5"],
    [999999.5, "999999.5", "999999.5"],
    [1e6, "1e+06", "1000000"],
    [1234567.5, "1.2345675e+06", "1234567.5"],
    [0.0001, "0.0001", "0.0001"],
    [0.00001, "1e-05", "0.00001"],
    [-0, "-0", "-0"],
    [1e21, "1e+21", "1e+21"],
    [1e-7, "1e-07", "1e-7"],
    [Number.POSITIVE_INFINITY, "+Inf", "Infinity"],
  ];
  for (const [value, display, json] of rows) {
    it(`${value} is displayed as ${display}`, () => {
      assert.equal(displayFloat(value), display);
      assert.equal(jsonFloat(value), json);
    });
  }

  it("read back as the same number", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) =>
        assert.equal(Number(displayFloat(x)), x),
      ),
    );
  });
});

describe("JSON documents", () => {
  it("are read as JSON.parse reads them", () => {
    fc.assert(
      fc.property(fc.json(), (text) =>
        assert.deepEqual(JSON.parse(treeText(parseTree(text))), JSON.parse(text)),
      ),
    );
  });

  it("keep the digits of numbers", () => {
    assert.equal(
      treeText(parseTree('{"b": 12345678901234567890.10, "a":[ -0 ]}')),
      '{"b":12345678901234567890.10,"a":[-0]}',
    );
  });
});
