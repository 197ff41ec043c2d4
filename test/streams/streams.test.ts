import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { appendTo, byteStream } from "../../src/streams/index.ts";

describe("streams", () => {
  it("copies a chunk into a sink that has room for three bytes at a time", () => {
    const taken: string[] = [];
    let room = Buffer.alloc(0);
    const sink = {
      space() {
        room = Buffer.alloc(3);
        return room;
      },
      filled: (bytes: number) => void taken.push(room.toString("latin1", 0, bytes)),
    };

    appendTo(sink, Buffer.from("seven b"));

    assert.deepEqual(taken, ["sev", "en ", "b"]);
  });

  it("streams pieces as bytes, so that a reader may ask for as many as it likes", async () => {
    const stream = byteStream([Buffer.from("one "), Buffer.from("two")], 5);
    let text = "";
    stream.on("readable", () => {
      for (let part = stream.read(2); part !== null; part = stream.read(2)) text += part;
    });

    await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));

    assert.equal(text, "one two");
    assert.equal(stream.readableHighWaterMark, 5);
  });

  it("fails with the error of its source", async () => {
    const pieces = async function* () {
      yield Buffer.from("one");
      throw new Error("the source broke");
    };

    await assert.rejects(byteStream(pieces()).toArray(), /the source broke/);
  });
});
