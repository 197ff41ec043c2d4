import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { TestContext } from "node:test";
import type { ArtifactDriver, DriverContext, DriverSettings } from "../../src/artifacts/index.ts";
import { ExecutorError } from "../../src/errors/index.ts";
import type { ByteRange, FileContent, TreeContent } from "../../src/streams/index.ts";
import type { Artifact } from "../../src/template/index.ts";
import { TransferSession, type TransferSettings } from "../../src/transfer/index.ts";

export interface LogLine {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface TestSurroundings extends DriverContext {
  readonly lines: readonly LogLine[];
  /** Mounted secrets by `name/key`; a test may replace them, as a rotation does. */
  readonly secrets: Map<string, string>;
}

export type TestSettings = Partial<DriverSettings & TransferSettings>;

/** What drivers get from a pod, with pauses too short to notice. */
export function surroundings(
  secrets: Readonly<Record<string, string>> = {},
  { memoryBytes = 32 * 1024 * 1024, ...settings }: TestSettings = {},
): TestSurroundings {
  const lines: LogLine[] = [];
  const note = (fields: object, message: string) => {
    lines.push({ message, fields: fields as Record<string, unknown> });
  };
  const mounted = new Map(Object.entries(secrets));
  const retry = { attempts: 3, durationMs: 5, factor: 1.6, jitter: 0.5 };
  return {
    transfers: new TransferSession({ retry: settings.retry ?? retry, memoryBytes }),
    lines,
    secrets: mounted,
    async readSecret({ name, key }) {
      const content = mounted.get(`${name}/${key}`);
      if (content !== undefined) return Buffer.from(content);
      throw new ExecutorError("BadRequest", `open /argo/secret/${name}/${key}: no such file or directory`);
    },
    settings: {
      retry,
      uploadThreads: 4,
      partSizeBytes: undefined,
      transientPattern: undefined,
      caPem: undefined,
      identityVariables: {},
      proxy: { httpProxy: undefined, httpsProxy: undefined, noProxy: undefined },
      ...settings,
    },
    log: { debug: note, info: note, warn: note },
  };
}

/** All keys of a listing. */
export async function keysOf(
  driver: ArtifactDriver,
  artifact: Artifact,
  signal: AbortSignal,
): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of driver.list(artifact, signal)) keys.push(key);
  return keys;
}

export async function temporaryFolder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "outrider-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** FileContent whose size is known, as that of a plain file. */
export function fileOf(name: string, content: string | Uint8Array): FileContent {
  const bytes = Buffer.from(content);
  return {
    name,
    sizeBytes: bytes.byteLength,
    replayable: true,
    open: (range) => streamOf(bytes, range),
  };
}

/** 30 MiB that fire `stop` when a fifth of them has been read. */
export function fileThatStops(name: string, stop: AbortController): FileContent {
  const content = fileOf(name, noise(30 * 1024 * 1024));
  const open = () => {
    const stream = content.open();
    let chunks = 0;
    stream.on("data", () => {
      chunks += 1;
      if (chunks === 100) stop.abort();
    });
    return stream.pause();
  };
  return { ...content, open };
}

/** FileContent whose size only its end tells, as that of a compressed stream. */
export function streamContent(name: string, content: Uint8Array, replayable = true): FileContent {
  return { name, sizeBytes: undefined, replayable, open: () => streamOf(content) };
}

function streamOf(bytes: Uint8Array, range?: ByteRange): Readable {
  const start = range?.offset ?? 0;
  const end = Math.min(bytes.byteLength, start + (range?.length ?? bytes.byteLength));
  const chunks = function* () {
    for (let at = start; at < end; at += 65_536) yield bytes.subarray(at, Math.min(end, at + 65_536));
  };
  return Readable.from(chunks(), { objectMode: false });
}

export function treeOf(files: Readonly<Record<string, string | Uint8Array>>): TreeContent {
  return {
    async *files() {
      for (const [path, content] of Object.entries(files)) {
        yield { path, content: fileOf(path.split("/").at(-1) ?? path, content) };
      }
    },
  };
}

/** Bytes without a pattern that a shift or a swapped part could hide in. */
export function noise(sizeBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let state = 0x2545f491;
  for (let at = 0; at + 4 <= sizeBytes; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state, at);
  }
  bytes.fill(7, sizeBytes - (sizeBytes % 4));
  return bytes;
}

export const patience = (): AbortSignal => AbortSignal.timeout(120_000);
