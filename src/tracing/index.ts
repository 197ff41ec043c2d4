export {
  type Attributes,
  countInSpan,
  type NamedSpan,
  noteTransfer,
  type Recorder,
  recordWith,
  type SpanOptions,
  span,
  traceHeaders,
} from "./span.ts";
