/** TLS with a peer whose certificate is looked at before a byte of our protocol is sent or read. */

import type { Clock } from "../runtime/clock.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { ByteStream, TlsStream } from "../runtime/ports.ts";
import type { TlsIdentity } from "../runtime/network/tls_start.ts";
import { tlsClientStream, tlsServerStream } from "../runtime/network/tls_stream.ts";
import type { Credentials } from "./credentials.ts";
import { derivedStream } from "./derived_stream.ts";
import { withTlsOnly } from "./first_bytes.ts";
import { tellRefusal } from "./refusal_message.ts";
import { RefusedError } from "./refused_error.ts";
import { otherRole, SERVER_NAMES } from "./role.ts";

/**
 * Serves a client. `head`: bytes that were read already. `turn`: resolves when the next piece of work may be done, of
 * which a client can ask for much. Rejects with a `RefusedError` if the client is not accepted; it is then told the
 * reason.
 */
export async function secureServer(
  stream: ByteStream,
  head: Uint8Array,
  credentials: Credentials,
  clock: Clock,
  turn: () => Promise<void>,
): Promise<ByteStream> {
  await turn();
  const secure = await tlsServerStream(stream, identityOf(credentials), head).catch(explain);
  await turn();
  return await accepted(secure, credentials, clock, false);
}

/** The same for the side that has dialed. */
export async function secureClient(
  stream: ByteStream,
  credentials: Credentials,
  clock: Clock,
): Promise<ByteStream> {
  const secure = await tlsClientStream(withTlsOnly(stream), identityOf(credentials)).catch(explain);
  return await accepted(secure, credentials, clock, true);
}

function explain(cause: unknown): never {
  if (cause instanceof RefusedError) throw cause;
  throw new Error(`the TLS handshake failed: ${messageOf(cause)}`, { cause });
}

function identityOf({ role, certificate, privateKey, authorities }: Credentials): TlsIdentity {
  return { certificate, privateKey, authorities, serverName: SERVER_NAMES[otherRole(role)] };
}

/** Looks at what the peer has shown. */
async function accepted(
  stream: TlsStream,
  credentials: Credentials,
  clock: Clock,
  isClient: boolean,
): Promise<ByteStream> {
  const { certificate, isAuthorized } = stream;
  const refusal = credentials.refusalOf(certificate, isAuthorized, clock.date());
  if (certificate && refusal === undefined) {
    const { id: machine, name } = credentials.machineOf(certificate);
    return derivedStream(stream, { proof: { kind: "key", machine, name } });
  }
  const reason = refusal ?? "it has shown no certificate";
  await tellRefusal(stream, reason, clock, { isLast: isClient });
  throw new RefusedError(reason);
}
