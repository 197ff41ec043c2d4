import { after, before, describe } from "node:test";
import { type Azurite, startAzurite } from "../servers/azurite.ts";
import { startAzure } from "./stores.ts";
import { describeDriver } from "./suite.ts";

describe("Azurite", () => {
  let azurite: Azurite;
  before(async () => {
    azurite = await startAzurite();
  });
  after(() => azurite[Symbol.asyncDispose]());

  describeDriver("azure on Azurite", (t) => startAzure(t, azurite.endpoint), {
    parts: "blocks are what every blob is made of",
  });
});
