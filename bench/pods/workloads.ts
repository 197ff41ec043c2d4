import type { Template } from "../../src/template/index.ts";

/** One pod to measure. */
export interface Workload {
  readonly name: string;
  /** Of an executor, whose objects are its own: what one overwrites for another, the store has to take away first. */
  template(executor: string): Template;
  /** The store is reached through a proxy that holds every chunk back so long each way, in milliseconds. */
  readonly delayMs: number;
  /** Memory limit on every container, such as `128Mi`. */
  readonly memoryLimit?: string;
}

/** Says when it ends, for what comes after that is the executor's time. */
const python = (source: string) => [
  "python3",
  "-c",
  `${source}\nimport time; print('end %.3f' % time.time(), flush=True)`,
];

/** Four files of log text, 1 GiB in all, about as compressible as logs are. */
const logText = `
import os, random
random.seed(1)
os.makedirs('/data/logs', exist_ok=True)
words = [('%x' % random.getrandbits(32)).encode() for _ in range(4000)]
lines = [b'2026-11-23T10:%02d:%02d.%03dZ level=INFO msg="request served" path=/api/v1/%s/%s status=200 bytes=%d id=%s\\n' % (random.randrange(60), random.randrange(60), random.randrange(1000), random.choice(words), random.choice(words), random.randrange(100000), ('%x' % random.getrandbits(64)).encode()) for _ in range(40000)]
block = b''.join(lines)
for n in range(4):
    with open('/data/logs/%d.log' % n, 'wb') as f:
        left = 256 << 20
        while left > 0:
            start = random.randrange(len(block) - (1 << 20))
            f.write(block[start:start + min(left, 1 << 20)]); left -= 1 << 20
`;
const noise = `
import os
os.makedirs('/data', exist_ok=True)
block = os.urandom(8 << 20)
with open('/data/noise', 'wb') as f:
    for n in range(512): f.write(n.to_bytes(8, 'big') + block[8:])
`;
const small = (count: number, bytes: number) => `
import os
os.makedirs('/data/small', exist_ok=True)
for n in range(${count}):
    with open('/data/small/%06d' % n, 'wb') as f: f.write(os.urandom(${bytes}))
`;

const none = { none: {} };

function upload(
  source: string,
  path: string,
  key: string,
  archive?: Template["archiveLocation"] | object,
): Workload["template"] {
  return (executor) => ({
    name: "up",
    inputs: {},
    outputs: { artifacts: [artifact(executor, path, key, archive) as never] },
    container: { image: "busybox", command: python(source) },
  });
}

function download(key: string, path: string, archive?: object): Workload["template"] {
  return (executor) => ({
    name: "down",
    inputs: { artifacts: [artifact(executor, path, key, archive) as never] },
    outputs: {},
    container: { image: "busybox", command: ["true"] },
  });
}

function artifact(executor: string, path: string, key: string, archive: object | undefined) {
  return { name: "data", path, s3: { key: `${executor}/${key}` }, ...(archive ? { archive } : {}) };
}

/** The table of the performance targets: every "down" loads what the "up" before it saved. */
export function workloads(): readonly Workload[] {
  const limits: readonly (string | undefined)[] = [undefined, "128Mi"];
  const bulk = limits.flatMap((memoryLimit) => {
    const suffix = memoryLimit ? ` (${memoryLimit})` : "";
    const limit = memoryLimit ? { memoryLimit } : {};
    return [
      {
        name: `tgz-1g-up${suffix}`,
        template: upload(logText, "/data/logs", "bench/logs.tgz"),
        delayMs: 0,
        ...limit,
      },
      {
        name: `tgz-1g-down${suffix}`,
        template: download("bench/logs.tgz", "/in"),
        delayMs: 0,
        ...limit,
      },
      {
        name: `none-4g-up${suffix}`,
        template: upload(noise, "/data/noise", "bench/noise", none),
        delayMs: 0,
        ...limit,
      },
      {
        name: `none-4g-down${suffix}`,
        template: download("bench/noise", "/in", none),
        delayMs: 0,
        ...limit,
      },
    ];
  });
  return [
    ...bulk,
    {
      name: "dir-5000-up",
      template: upload(small(5000, 4096), "/data/small", "bench/small", none),
      delayMs: 10,
    },
    {
      name: "dir-5000-down",
      template: download("bench/small", "/in", none),
      delayMs: 10,
    },
    {
      name: "dir-100000-up",
      template: upload(small(100_000, 1024), "/data/small", "bench/many", none),
      delayMs: 0,
    },
    {
      name: "dir-100000-down",
      template: download("bench/many", "/in", none),
      delayMs: 0,
    },
  ];
}
