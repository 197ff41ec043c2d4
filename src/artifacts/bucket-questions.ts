/** What a store keeps of a bucket besides its objects. */
export interface BucketFacts {
  /** Undefined: not told. */
  readonly region: string | undefined;
  /** True where what is replaced or deleted stays as an older version. */
  readonly keepsVersions: boolean;
  /** True where objects can be locked. */
  readonly isLocking: boolean;
  /** What every new object is locked for, where that is so. */
  readonly retention: { readonly mode: string; readonly days: number } | undefined;
  readonly expiries: readonly ExpiryRule[];
  /** Questions that were not answered, each with the store's code. */
  readonly unknown: readonly string[];
}

/** A rule of the bucket's lifecycle that makes objects go. */
export interface ExpiryRule {
  readonly name: string;
  /** Of the keys that it is about. */
  readonly prefix: string;
  /** `30 days`, or a date. */
  readonly when: string;
}

/** A multipart upload that nobody has completed or given up; its parts are paid for. */
export interface UnfinishedUpload {
  readonly key: string;
  readonly id: string;
  readonly startedMs: number | undefined;
}

/** What can be asked about a bucket by those who care for all of it; no transfer does. */
export interface BucketQuestions {
  /** What is not answered is in `unknown`, and no error. */
  facts(signal: AbortSignal): Promise<BucketFacts>;
  unfinishedUploads(prefix: string, signal: AbortSignal): AsyncIterable<UnfinishedUpload>;
  /** Gives the upload up; done where it is gone. */
  abort(upload: UnfinishedUpload, signal: AbortSignal): Promise<void>;
}
