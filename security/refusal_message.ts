/** How the two sides of a connection tell each other that they do not accept it: an error response before any message. */

import {
  decodeError,
  encodeError,
  HEADER_BYTES,
  readUint64,
  REFUSAL_ID,
  ResponseType,
} from "../protocol/mod.ts";
import { type Clock, delay } from "../runtime/clock.ts";
import type { ByteStream } from "../runtime/ports.ts";
import { readHead, withFirstRead, withHead } from "./derived_stream.ts";
import { refusedError } from "./refused_error.ts";

/** More of a peer's reason is not read. */
const REASON_BYTES_MAX = 4096;

/** How long a peer that is refused gets to read the reason. If we closed at once, it might lose it. */
const READING_MS_MAX = 1_000;

/** How long the other side gets to speak first. */
const SPEAKING_MS_MAX = 500;

const DISCARDED_BYTES = 16 * 1024;

/** How a refusal is told. */
interface Telling {
  /** The id of the message that it answers, if one was read. */
  readonly id?: number | bigint | undefined;
  /**
   * Lets the other side speak first, for a moment: it may refuse us too, and must not find the connection closed before
   * it has looked at our certificate.
   */
  readonly isLast?: boolean;
}

/** Sends a refusal and closes. */
export async function tellRefusal(
  stream: ByteStream,
  reason: string,
  clock: Clock,
  { id = REFUSAL_ID, isLast = false }: Telling = {},
): Promise<void> {
  const timer = clock.after(READING_MS_MAX, () => stream.close());
  const discarded = new Uint8Array(DISCARDED_BYTES);
  try {
    const heard = stream.read(discarded);
    heard.catch(() => {}); // handled below
    if (isLast) await Promise.race([heard, delay(clock, SPEAKING_MS_MAX)]);
    await stream.write(encodeError(id, reason));
    await stream.endWrites();
    // Closing with unread bytes would make the system discard ours.
    for (let bytes = await heard; bytes !== null;) bytes = await stream.read(discarded);
  } catch {
    // It has closed first.
  } finally {
    timer.stop();
    stream.close();
  }
}

/** The error of a refusal, if an error response is one. `isAnswer`: it answers a message. */
type ErrorOf = (reason: string, isAnswer: boolean) => Error | undefined;

const errorUnlessAnswer: ErrorOf = (reason, isAnswer) =>
  isAnswer ? undefined : refusedError(reason);

/** A stream whose `read` rejects with the error of `errorOf` if the first frame says that the peer has refused us. */
export function withRefusal(stream: ByteStream, errorOf = errorUnlessAnswer): ByteStream {
  return withFirstRead(stream, async (head) => {
    if (head[0] !== ResponseType.error) return stream;
    const frame = await readError(stream, head);
    const isAnswer = messageIdIn(frame) !== REFUSAL_ID;
    const error = errorOf(reasonIn(frame), isAnswer);
    if (error) throw error;
    return withHead(stream, frame);
  });
}

/** The reason in a refusal; `undefined` if the frame is something else. Reads what is missing of it. */
export async function refusalIn(
  stream: ByteStream,
  header: Uint8Array,
): Promise<string | undefined> {
  if (header[0] !== ResponseType.error || messageIdIn(header) !== REFUSAL_ID) return undefined;
  return reasonIn(await readError(stream, header));
}

/** Reads an error response, or its beginning if it is longer than a reason of ours. */
async function readError(stream: ByteStream, head: Uint8Array): Promise<Uint8Array> {
  const header = await readHead(stream, HEADER_BYTES, head);
  return await readHead(stream, endOf(header), header);
}

function reasonIn(frame: Uint8Array): string {
  return decodeError(frame.slice(HEADER_BYTES, endOf(frame)));
}

/** Where the reason ends in a frame. */
function endOf(frame: Uint8Array): number {
  if (frame.byteLength < HEADER_BYTES) return frame.byteLength;
  return HEADER_BYTES + Math.min(Number(readUint64(frame, HEADER_BYTES - 8)), REASON_BYTES_MAX);
}

/** The id of a message, to answer it; `undefined` if its header is not complete. */
export function messageIdIn(head: Uint8Array): number | bigint | undefined {
  return head.byteLength < HEADER_BYTES ? undefined : readUint64(head, 1);
}
