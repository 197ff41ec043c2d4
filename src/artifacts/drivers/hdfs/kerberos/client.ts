import { ExecutorError } from "../../../../errors/index.ts";
import { TokenSource } from "../../../../http/index.ts";
import { readCcache } from "./ccache.ts";
import { type KerberosConfiguration, readConfiguration } from "./configuration.ts";
import { usages } from "./encryption.ts";
import { type Ask, askForService, logIn } from "./exchange.ts";
import { askKdc } from "./kdc.ts";
import { readKeytab } from "./keytab.ts";
import { type Principal, showPrincipal } from "./principal.ts";
import { negotiateToken, type Ticket } from "./ticket.ts";

/** Where the identity comes from; each is read anew for each login, for secrets are rotated. */
export type KerberosIdentity =
  | { readonly kind: "keytab"; readonly principal: Principal; read(): Promise<Buffer> }
  | { readonly kind: "ccache"; read(): Promise<Buffer> };

/** Tickets for the web servers of a cluster, for one identity: asked for once, and again before they end. */
export class KerberosClient {
  readonly #identity: KerberosIdentity;
  readonly #readConfiguration: (signal: AbortSignal) => Promise<string>;
  readonly #granting: TokenSource<readonly Ticket[]>;
  readonly #services = new Map<string, TokenSource<Ticket>>();
  #configuration: KerberosConfiguration | undefined;

  constructor(identity: KerberosIdentity, readKrb5Conf: (signal: AbortSignal) => Promise<string>) {
    this.#identity = identity;
    this.#readConfiguration = readKrb5Conf;
    this.#granting = new TokenSource((signal) => this.#logIn(signal), { during: "Kerberos login" });
  }

  /** The value of Authorization for a request to this host. Made for each request: services refuse what they have seen. */
  async authorization(host: string, signal: AbortSignal): Promise<string> {
    const ticket = await this.ticketFor("HTTP", host, signal);
    return `Negotiate ${negotiateToken(ticket, usages.authenticator)}`;
  }

  /** Who we are. */
  async client(signal: AbortSignal): Promise<Principal> {
    const [ticket] = await this.#granting.current(signal);
    return ticket?.client ?? { names: [], realm: "" };
  }

  /** A ticket for a service of a host, such as `hdfs`, with some time left. */
  async ticketFor(service: string, host: string, signal: AbortSignal): Promise<Ticket> {
    const name = `${service}/${host}`;
    const known = this.#services.get(name);
    if (known !== undefined) return await known.current(signal);
    const during = `Kerberos ticket for ${name}`;
    const source = new TokenSource((either) => this.#askFor(service, host, either), { during });
    this.#services.set(name, source);
    return await source.current(signal);
  }

  async #askFor(name: string, host: string, signal: AbortSignal) {
    const tickets = await this.#granting.current(signal);
    const [{ client } = { client: { realm: "", names: [] } }] = tickets;
    const configuration = await this.#settings(signal);
    const service = { names: [name, host], realm: configuration.realmOf(host, client.realm) };
    const have = (wanted: Principal) =>
      tickets.find((ticket) => showPrincipal(ticket.service) === showPrincipal(wanted));
    const granting = have({ names: ["krbtgt", client.realm], realm: client.realm });
    const ticket =
      have(service) ??
      (granting && (await askForService(granting, service, this.#ask(configuration, signal))));
    if (ticket === undefined) throw noTicket(service);
    return { token: ticket, expiresAtMs: ticket.endsAtMs };
  }

  async #logIn(signal: AbortSignal) {
    const identity = this.#identity;
    const bytes = await identity.read();
    const tickets =
      identity.kind === "ccache"
        ? readCcache(bytes)
        : [await this.#useKeytab(identity.principal, bytes, signal)];
    return { token: tickets, expiresAtMs: Math.min(...tickets.map(({ endsAtMs }) => endsAtMs)) };
  }

  async #useKeytab(principal: Principal, bytes: Buffer, signal: AbortSignal): Promise<Ticket> {
    const [key] = readKeytab(bytes, principal);
    if (key === undefined) throw noTicket(principal);
    return await logIn(principal, key, this.#ask(await this.#settings(signal), signal));
  }

  #ask(configuration: KerberosConfiguration, signal: AbortSignal): Ask {
    return async (realm, request) => await askKdc(configuration.kdcsOf(realm), request, signal);
  }

  async #settings(signal: AbortSignal): Promise<KerberosConfiguration> {
    this.#configuration ??= readConfiguration(await this.#readConfiguration(signal));
    return this.#configuration;
  }
}

function noTicket(service: Principal): ExecutorError {
  const text = `failed to get a kerberos client: the credential cache holds no ticket that leads to ${showPrincipal(service)}`;
  return new ExecutorError("Unauthorized", text);
}
