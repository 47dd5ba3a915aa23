/** TLS for a page that other machines can reach. Browsers need no certificate for it, but may show one. */

import type { Clock } from "../runtime/clock.ts";
import type { ByteStream } from "../runtime/ports.ts";
import { tlsServerStream } from "../runtime/network/tls_stream.ts";
import { derivedStream } from "./derived_stream.ts";
import { beginsHandshake, handshakeHead } from "./first_bytes.ts";
import type { PageCredentials } from "./page_credentials.ts";

/** How long a handshake may take. A slow network needs a second. */
const HANDSHAKE_MS_MAX = 10_000;

/** What somebody gets who forgets the s in https. */
const NEEDS_TLS = "This page is encrypted; its address begins with https://\n";
const NEEDS_TLS_ANSWER = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n" +
  `Content-Length: ${NEEDS_TLS.length}\r\nConnection: close\r\n\r\n${NEEDS_TLS}`;

/**
 * Does the handshake. The stream says whether the other end has shown a certificate of those who may look. Rejects if
 * there is no handshake in time. `read`: bytes that were read already.
 */
export async function securePage(
  stream: ByteStream,
  read: Uint8Array<ArrayBuffer>,
  credentials: PageCredentials,
  clock: Clock,
): Promise<ByteStream> {
  const timer = clock.after(HANDSHAKE_MS_MAX, () => stream.close());
  try {
    const head = await handshakeHead(stream, read);
    if (!beginsHandshake(head)) {
      await stream.write(new TextEncoder().encode(NEEDS_TLS_ANSWER));
      await stream.endWrites();
      throw new Error("it does not use TLS");
    }
    const { certificate, privateKey, authorities } = credentials;
    const identity = { certificate, privateKey, authorities, serverName: "" };
    const secure = await tlsServerStream(stream, identity, head);
    const isKnown = credentials.isAccepted(secure.certificate, secure.isAuthorized, clock.date());
    const proof = isKnown
      ? { kind: "key", machine: "", name: "" } as const
      : { kind: "none" } as const;
    return derivedStream(secure, { proof, ...stream.ends && { ends: stream.ends } });
  } finally {
    timer.stop();
  }
}
