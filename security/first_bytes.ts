/** What the first bytes of a connection say: TLS, or something else. */

import { HEADER_BYTES } from "../protocol/mod.ts";
import type { ByteStream } from "../runtime/ports.ts";
import { derivedStream, readHead, withFirstRead } from "./derived_stream.ts";
import { refusalIn } from "./refusal_message.ts";
import { refusedError } from "./refused_error.ts";

/** The first two bytes of a TLS handshake: the type of the record, and the version that all of them claim. */
const HANDSHAKE = 0x16;
const VERSION_MAJOR = 0x03;
const HANDSHAKE_HEAD_BYTES = 2;

/** The types of TLS records: change cipher spec, alert, handshake, application data. */
const RECORD_FIRST = 0x14;
const RECORD_LAST = 0x17;

const NOTHING = new Uint8Array(0);

/** Whether bytes may be the beginning of a TLS handshake: more are needed to say. */
export function mayBeginHandshake(head: Uint8Array): boolean {
  return head.byteLength === 0 || head[0] === HANDSHAKE;
}

/** Whether bytes begin a TLS handshake. */
export function beginsHandshake(head: Uint8Array): boolean {
  return head[0] === HANDSHAKE && head[1] === VERSION_MAJOR;
}

/** Reads as many bytes of a handshake as it takes to know it. `read`: bytes that were read already. */
export async function handshakeHead(
  stream: ByteStream,
  read: Uint8Array = NOTHING,
): Promise<Uint8Array> {
  return await readHead(stream, mayBeginHandshake(read) ? HANDSHAKE_HEAD_BYTES : 1, read);
}

/**
 * What a TLS client reads. Rejects with a `RefusedError` if the other side does not speak TLS, or says that it has no
 * place.
 */
export function withTlsOnly(stream: ByteStream): ByteStream {
  const check = (head: Uint8Array) => checkTls(stream, head);
  const checked = withFirstRead(stream, async (head) => {
    await check(head);
    return stream;
  });
  const { startTls } = stream;
  if (!startTls) return checked;
  return derivedStream(checked, {
    startTls: (start) =>
      startTls.call(stream, start).catch(async (error) => {
        await check(await readHead(stream, 1).catch(() => NOTHING)); // its own error is thrown below
        throw error;
      }),
  });
}

async function checkTls(stream: ByteStream, head: Uint8Array): Promise<void> {
  const [first = RECORD_FIRST] = head;
  if (first >= RECORD_FIRST && first <= RECORD_LAST) return;
  const header = await readHead(stream, HEADER_BYTES, head);
  throw refusedError(
    await refusalIn(stream, header) ??
      "the other side does not use TLS; if it was started with --insecure, so must be this one",
  );
}
