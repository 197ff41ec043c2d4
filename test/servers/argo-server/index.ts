export { type ArgoServer, type ArgoServerOptions, startArgoServer } from "./server.ts";
