import { MessageWriter, readMessage } from "../../../grpc/index.ts";
import type { Artifact } from "../../../template/index.ts";

/** The messages of `artifact.ArtifactService` (docs/contract/roles.md#5.7): what is sent, and what comes back. */

/** Load has the artifact first, Save the path. */
export function loadRequest(artifact: Artifact, path: string): Buffer {
  return new MessageWriter().message(1, encodeArtifact(artifact)).text(2, path).finish();
}

export function saveRequest(artifact: Artifact, path: string): Buffer {
  return new MessageWriter().text(1, path).message(2, encodeArtifact(artifact)).finish();
}

/** Delete, ListObjects, IsDirectory, OpenStream, and the first message of SaveStream. */
export function artifactRequest(artifact: Artifact): Buffer {
  return new MessageWriter().message(1, encodeArtifact(artifact)).finish();
}

export function chunkRequest(chunk: Uint8Array): Buffer {
  return new MessageWriter().message(2, chunk).finish();
}

/** Load, Save, SaveStream and Delete fail where `success` is not set, whatever `error` says. */
export function readOutcome(message: Buffer): { readonly isSuccess: boolean; readonly error: string } {
  let [isSuccess, error] = [false, ""];
  readMessage(message, {
    1: (value) => {
      isSuccess = value.flag();
    },
    2: (value) => {
      error = value.text();
    },
  });
  return { isSuccess, error };
}

export function readListing(message: Buffer): {
  readonly objects: readonly string[];
  readonly error: string;
} {
  const objects: string[] = [];
  let error = "";
  readMessage(message, {
    1: (value) => objects.push(value.text()),
    2: (value) => {
      error = value.text();
    },
  });
  return { objects, error };
}

export function readDirectoryTest(message: Buffer): {
  readonly isDirectory: boolean;
  readonly error: string;
} {
  const { isSuccess, error } = readOutcome(message);
  return { isDirectory: isSuccess, error };
}

export function readCapabilities(message: Buffer): { readonly savesStreams: boolean } {
  let savesStreams = false;
  readMessage(message, {
    1: (value) => {
      savesStreams = value.flag();
    },
  });
  return { savesStreams };
}

export interface StreamPiece {
  readonly data: Buffer;
  readonly isEnd: boolean;
  readonly error: string;
}

export function readPiece(message: Buffer): StreamPiece {
  let [data, isEnd, error]: [Buffer, boolean, string] = [Buffer.alloc(0), false, ""];
  readMessage(message, {
    1: (value) => {
      data = value.bytes();
    },
    2: (value) => {
      isEnd = value.flag();
    },
    3: (value) => {
      error = value.text();
    },
  });
  return { data, isEnd, error };
}

/** Fields of Argo's artifacts that only plugins are told of. */
type PassedOn = Artifact & {
  readonly from?: string;
  readonly subPath?: string;
  readonly fromExpression?: string;
  readonly deleted?: boolean;
};

function encodeArtifact(artifact: PassedOn): Buffer {
  const { plugin } = artifact;
  const location = new MessageWriter()
    .text(1, plugin?.name ?? "")
    .text(2, plugin?.configuration ?? "")
    .integer(3, plugin?.connectionTimeoutSeconds ?? 0)
    .text(4, plugin?.key ?? "")
    .finish();
  return new MessageWriter()
    .text(1, artifact.name)
    .text(2, artifact.path ?? "")
    .integer(3, artifact.mode ?? 0)
    .text(4, String(artifact.from ?? ""))
    .message(5, location)
    .flag(6, artifact.optional === true)
    .text(7, String(artifact.subPath ?? ""))
    .flag(8, artifact.recurseMode === true)
    .text(9, String(artifact.fromExpression ?? ""))
    .flag(10, artifact.deleted === true)
    .finish();
}
