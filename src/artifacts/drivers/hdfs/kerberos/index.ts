export { KerberosClient, type KerberosIdentity } from "./client.ts";
