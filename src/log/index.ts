export {
  type LogFormat,
  type Logger,
  type LogLevel,
  openLogger,
  parseLogFormat,
  parseLogLevel,
} from "./logger.ts";
