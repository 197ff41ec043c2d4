import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** Node cannot reset the connection below TLS; without a closing message its end is an error for the client all the same. */
export function resetConnection(socket: Socket | null): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket?.resetAndDestroy();
}
