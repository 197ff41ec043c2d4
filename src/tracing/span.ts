/** What a span says beside its name. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A span as the work inside it sees it. */
export interface NamedSpan {
  set(attributes: Attributes): void;
  event(name: string, attributes: Attributes): void;
}

export interface SpanOptions {
  /** A request to another service. */
  readonly isClient?: boolean;
}

/** What records spans, where tracing is configured (`start.ts`). */
export interface Recorder {
  span<T>(
    name: string,
    attributes: Attributes,
    work: (span: NamedSpan) => Promise<T>,
    options: SpanOptions,
  ): Promise<T>;
  count(name: string, by: number): void;
  headers(): Readonly<Record<string, string>>;
}

/**
 * The one recorder of the process. Spans follow what calls what, through every layer, and no layer has a use for them:
 * handed down, a recorder would be an argument of everything. Undefined, which it is wherever nothing is exported,
 * makes all of this one comparison, and none of the packages is loaded.
 */
let recorder: Recorder | undefined;

export const transferBytes = "transfer.bytes";

const silent: NamedSpan = { set() {}, event() {} };
const noHeaders: Readonly<Record<string, string>> = {};

/**
 * Runs `work` in a span; what it starts and awaits is inside. An error is noted and goes on.
 * @param attributes a function where making them costs something: it is called where spans are recorded only
 */
export function span<T>(
  name: string,
  attributes: Attributes | (() => Attributes),
  work: (span: NamedSpan) => Promise<T>,
  options: SpanOptions = {},
): Promise<T> {
  if (recorder === undefined) return work(silent);
  return recorder.span(name, typeof attributes === "function" ? attributes() : attributes, work, options);
}

/** Adds to a number that all spans around us end with: repeated requests, bytes, objects. */
export function countInSpan(name: string, by: number): void {
  recorder?.count(name, by);
}

/** Notes an object that was moved, for the spans around us; their rate follows from it. */
export function noteTransfer(bytes: number): void {
  countInSpan(transferBytes, bytes);
  countInSpan("transfer.objects", 1);
}

/** `traceparent` and `tracestate` of the span around us, for a server that continues the trace. */
export function traceHeaders(): Readonly<Record<string, string>> {
  return recorder?.headers() ?? noHeaders;
}

/** Sets the recorder of the process until disposed of. */
export function recordWith(next: Recorder): Disposable {
  recorder = next;
  return {
    [Symbol.dispose]() {
      if (recorder === next) recorder = undefined;
    },
  };
}
