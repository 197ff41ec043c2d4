export type { ExchangeObserver } from "./exchange.ts";
export { ObjectServer, type ObjectServerOptions } from "./server.ts";
export type { Credentials } from "./signature.ts";
