/**
 * Saves and loads one object with the identity that its environment gives, as a pod does; a process of its own because
 * the AWS SDK reads the environment of its process. Arguments: endpoint, number of rounds.
 */
import { openDriver } from "../../src/artifacts/index.ts";
import { s3Artifact } from "./s3-location.ts";
import { load } from "./suite.ts";
import { fileOf, patience, surroundings } from "./surroundings.ts";

const [endpoint = "", rounds = "1"] = process.argv.slice(2);
const { accessKeySecret: _, secretKeySecret: __, ...location } = s3Artifact(endpoint, "probe").s3 ?? {};
const artifact = { name: "artifact", s3: location };
await using driver = await openDriver(artifact, surroundings());
for (let round = 0; round < Number(rounds); round += 1) {
  await driver.saveFile(artifact, fileOf("probe", `round ${round}`), patience());
  process.stdout.write(`${(await load(driver, artifact)).toString()}\n`);
}
