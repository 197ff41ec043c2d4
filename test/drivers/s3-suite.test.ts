import { startFront } from "../servers/front.ts";
import { s3Faults } from "./s3-faults.ts";
import { s3Artifact, startS3 } from "./s3-location.ts";
import { describeDriver } from "./suite.ts";
import { surroundings } from "./surroundings.ts";

describeDriver(
  "s3",
  async (t) => {
    const { server, context } = await startS3(t);
    const front = await startFront({ target: server.endpoint });
    t.after(() => front[Symbol.asyncDispose]());
    const rotate = () => {
      context.secrets.set("keys/access", "access2").set("keys/secret", "secret2");
      server.replaceCredentials({ accessKey: "access2", secretKey: "secret2" });
    };
    const artifact = (key: string) => s3Artifact(front.endpoint, key);
    return {
      context,
      artifact,
      faulty: s3Faults(front, "bucket", rotate),
      elsewhere: s3Artifact(front.endpoint, "x", { bucket: "no-such-bucket" }),
      strangers: () => ({
        context: surroundings({ "keys/access": "access", "keys/secret": "wrong-secret" }),
        artifact: artifact("x"),
      }),
    };
  },
  { clock: "tested in s3.test.ts, on a server whose clock can be set" },
);
