import type { Readable } from "node:stream";
import type { TextPattern } from "../errors/index.ts";
import type { ProxySettings } from "../http/index.ts";
import type { Backoff } from "../retry/index.ts";
import type { FileContent, TreeContent } from "../streams/index.ts";
import type { Artifact, SecretSelector } from "../template/index.ts";
import type { ObjectStore, TransferSession } from "../transfer/index.ts";
import type { BucketQuestions } from "./bucket-questions.ts";
import type { PluginFolders } from "./drivers/plugin/config.ts";
import type { PluginConnections } from "./drivers/plugin/connection.ts";

/** What a store holds under an artifact's key. */
export type StoredArtifact =
  | {
      readonly kind: "file";
      readonly sizeBytes: number | undefined;
      /**
       * The bytes in order; integrity is checked where the store lets us (a mismatch fails the stream with Corrupt).
       * Broken connections are resumed inside, where the store can read ranges.
       */
      openStream(): Readable;
      /**
       * Writes the bytes to the file `path`, which must not exist (mode 0644), checked and resumed as those of
       * `openStream`. Only stores that can do it at less cost than through a stream have it. After a failure a part of
       * the file may be there, for the caller to remove.
       */
      saveTo?(path: string): Promise<void>;
    }
  | {
      readonly kind: "directory";
      /**
       * Writes the tree below `path`, which exists and is empty. File names come from a foreign listing: what resolves
       * outside `path` is refused. Files are 0644 and directories 0755 (docs/contract/artifacts.md#D-32).
       */
      download(path: string): Promise<void>;
    }
  | {
      /** Only a load, or the question, shows whether it is a file or a directory: the store may not know the question. */
      readonly kind: "either";
      isDirectory(): Promise<boolean>;
      /** The bytes of a file. */
      openStream(): Readable;
      /** Writes one or the other at a place where nothing is, and says which. What failed may have left a part. */
      loadTo(place: LoadPlace): Promise<"file" | "directory">;
    };

/** Where somebody else is to write. */
export interface LoadPlace {
  /** As those who write know it. */
  readonly path: string;
  /** How this process looks there. */
  readonly seenBy: string;
}

/** One object of a listing, with as much as the listing says of it. */
export interface ListedObject {
  /** Whole, from the root of the bucket or file system. */
  readonly key: string;
  readonly sizeBytes?: number | undefined;
  /** Names these very bytes, in the store's own words. */
  readonly etag?: string | undefined;
  /** Milliseconds since 1970. */
  readonly modifiedMs?: number | undefined;
}

/**
 * One artifact store, bound to one location and one identity. Every method throws ExecutorError; `NotFound` means
 * that nothing is stored under the key (docs/contract/artifacts.md#3.2), a missing bucket is not `NotFound`.
 * The transfer engine inside a driver repeats single requests and parts; nothing above has to.
 */
export interface ArtifactDriver extends AsyncDisposable {
  /** Looks up what is stored. */
  open(artifact: Artifact, signal: AbortSignal): Promise<StoredArtifact>;
  /** Stores all of the content or nothing; an existing object is replaced. */
  saveFile(artifact: Artifact, content: FileContent, signal: AbortSignal): Promise<void>;
  /** Stores every file of the tree under `join(key, path)`. Throws Unsupported where a store has no directories. */
  saveTree(artifact: Artifact, tree: TreeContent, signal: AbortSignal): Promise<void>;
  /** Deletes what is stored, file or directory; done if nothing is there. */
  delete(artifact: Artifact, signal: AbortSignal): Promise<void>;
  /**
   * Deletes many artifacts of this location at once. Resolves to one outcome an artifact, in order: undefined for
   * deleted or absent, else why not.
   */
  deleteMany(artifacts: readonly Artifact[], signal: AbortSignal): Promise<readonly (Error | undefined)[]>;
  /**
   * Deletes what this pod has stored itself, with outcomes as those of `deleteMany`, where artifacts are never deleted
   * otherwise; the server may not allow it. Undefined: `deleteMany` does it.
   */
  withdraw?(artifacts: readonly Artifact[], signal: AbortSignal): Promise<readonly (Error | undefined)[]>;
  /** Throws Unsupported where content lies on this pod's disk on its way to the store. Undefined: it never does. */
  expectStreams?(signal: AbortSignal): Promise<void>;
  /**
   * Every object below the artifact's key, in the store's order, each once; none that stands for a folder. A page is
   * fetched while the one before is read, and no further: who stops reading stops the listing. A listing that breaks
   * off throws, after objects that were there.
   */
  list(artifact: Artifact, signal: AbortSignal): AsyncIterable<ListedObject>;
}

/** The object store that a location names, without what artifacts mean there. */
export interface OpenStore extends AsyncDisposable {
  readonly store: ObjectStore;
  /** Loads what answers questions about the bucket, for those who care for all of it; undefined: nobody knows how. */
  openQuestions?(): Promise<BucketQuestions>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What every driver may need from outside; the one place where a driver meets its surroundings. */
export interface DriverContext {
  /** The bytes of a mounted secret (`/argo/secret/<name>/<key>`). Throws BadRequest naming the file that is missing. */
  readSecret(selector: SecretSelector): Promise<Uint8Array>;
  /**
   * A text of a config map in the pod's namespace, through the API server (docs/contract/artifacts.md#4). Undefined where
   * there is none. Throws BadRequest naming what is missing, Forbidden naming the grant.
   */
  readConfigMap?(selector: SecretSelector, signal: AbortSignal): Promise<string>;
  readonly settings: DriverSettings;
  /** The memory, the retries and the places at each store that all drivers of a process share. */
  readonly transfers: TransferSession;
  readonly log: DriverLog;
  /** Where plugins are met; undefined: nowhere. */
  readonly plugins?: PluginPlaces;
}

/** How a process meets artifact plugins: in folders that their containers share with ours (docs/contract/roles.md#5.1). */
export interface PluginPlaces extends PluginFolders {
  /** `/tmp/argo/outputs`: where a plugin reads what it shall save. */
  readonly staging: string;
  /** How long a socket is waited for; undefined: as long as the reference does. */
  readonly socketWaitMs?: number;
  /** Empty at first: the connections that all drivers of this process share. */
  readonly connections: PluginConnections;
}

export interface DriverLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What programs that a driver starts, git and ssh, are told of our surroundings. */
export interface ProgramSettings {
  /** `PATH`. */
  readonly searchPath: string;
  /** `HOME`, where known_hosts is looked for. */
  readonly home: string;
  /** `SSH_KNOWN_HOSTS`, its files one by one. */
  readonly knownHostsFiles: readonly string[];
  /** `GIT_LFS_SKIP_SMUDGE`: leave the pointers where files in LFS would be, as the reference does. */
  readonly skipsLfs: boolean;
  /** Where files of one transfer live while it lasts, keys and passwords among them. */
  readonly temporaryFolder: string;
  /** The command that joins its standard input and output to a host and port, its last two arguments, past proxies. */
  readonly tunnel?: readonly string[];
}

/** Read from the environment once, in `cmd/` (docs/contract/artifacts.md#4). */
export interface DriverSettings {
  /** `EXECUTOR_RETRY_BACKOFF_*`: how often and how patiently a request is repeated. */
  readonly retry: Backoff;
  /** `ARTIFACT_S3_UPLOAD_THREADS`: parts of one object in flight, whatever the store. */
  readonly uploadThreads: number;
  /** `ARTIFACT_S3_UPLOAD_PART_SIZE_MIB`, in bytes, whatever the store; undefined: chosen by size. */
  readonly partSizeBytes: number | undefined;
  /** `TRANSIENT_ERROR_PATTERN`: an error whose text it matches is transient. */
  readonly transientPattern: TextPattern | undefined;
  /** PEM of the roots to trust (system roots, `SSL_CERT_FILE`, `SSL_CERT_DIR`); undefined: Node's own. */
  readonly caPem: string | undefined;
  /** What the vendors' own SDKs read of the environment, for the same identities: by the name of the variable. */
  readonly identityVariables: Readonly<Record<string, string | undefined>>;
  readonly proxy: ProxySettings;
  /** Undefined: what is usual. */
  readonly programs?: ProgramSettings;
}
