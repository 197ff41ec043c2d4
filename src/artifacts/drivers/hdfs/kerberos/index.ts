export { KerberosClient, type KerberosIdentity } from "./client.ts";
export { GssContext } from "./gss.ts";
export { showPrincipal } from "./principal.ts";
export type { Ticket } from "./ticket.ts";
