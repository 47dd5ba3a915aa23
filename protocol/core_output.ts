/** What cores print, in protocol version 2: the message that asks for it, and the notice that brings it. */

import { MalformedPayloadError } from "./errors.ts";
import { encodeFrame, MessageType, ResponseType } from "./frame.ts";
import { PRINTED_TEXT_BYTES_MAX } from "./limits.ts";
import { readUint32, type Uint64 } from "./uint64.ts";

/**
 * What a controller wants of what its jobs print. `nothing` is the default. `failures`: the last lines of jobs that
 * fail. `all`: these, and everything while it is printed.
 */
export type CoreOutputMode = "nothing" | "failures" | "all";

const MODES: readonly CoreOutputMode[] = ["nothing", "failures", "all"];

/** Bytes of a notice before its text: what it is (1), lines left out (4). */
const NOTICE_PREFIX_BYTES = 5;

/** Lines that a job has printed. */
export interface PrintedNotice {
  /** They are the last lines of a job that has failed. Its answer follows. */
  readonly isLast: boolean;
  /** Lines that were left out before these, because there were too many. */
  readonly leftOut: number;
  readonly lines: readonly string[];
}

/** Encodes a "core output" as a whole frame. */
export function encodeCoreOutput(id: Uint64, mode: CoreOutputMode): Uint8Array<ArrayBuffer> {
  const payload = Uint8Array.of(MODES.indexOf(mode));
  return encodeFrame({ type: MessageType.coreOutput, id, payload });
}

/** Decodes the payload of a "core output". */
export function decodeCoreOutput(payload: Uint8Array): CoreOutputMode {
  const mode = payload.byteLength === 1 ? MODES[payload[0] as number] : undefined;
  if (mode === undefined) {
    throw new MalformedPayloadError("The payload of a core output must be one byte: 0, 1 or 2");
  }
  return mode;
}

/**
 * Encodes a notice about the job with the message id `id` as a whole frame. A text that is too long is cut between
 * two characters.
 */
export function encodePrinted(id: Uint64, notice: PrintedNotice): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(NOTICE_PREFIX_BYTES + PRINTED_TEXT_BYTES_MAX);
  payload[0] = notice.isLast ? 1 : 0;
  new DataView(payload.buffer).setUint32(1, notice.leftOut, true);
  const text = notice.lines.join("\n");
  const { written } = new TextEncoder().encodeInto(text, payload.subarray(NOTICE_PREFIX_BYTES));
  return encodeFrame({
    type: ResponseType.printed,
    id,
    payload: payload.subarray(0, NOTICE_PREFIX_BYTES + written),
  });
}

/** Decodes the payload of a notice. Bytes that are not UTF-8 become U+FFFD. */
export function decodePrinted(payload: Uint8Array<ArrayBuffer>): PrintedNotice {
  if (payload.byteLength < NOTICE_PREFIX_BYTES) {
    throw new MalformedPayloadError("A notice of printed lines is too short");
  }
  if (payload.byteLength > NOTICE_PREFIX_BYTES + PRINTED_TEXT_BYTES_MAX) {
    throw new MalformedPayloadError("A notice of printed lines is too long");
  }
  const [what = 0] = payload;
  if (what > 1) throw new MalformedPayloadError(`A notice of printed lines has the kind ${what}`);
  const text = new TextDecoder().decode(payload.subarray(NOTICE_PREFIX_BYTES));
  return {
    isLast: what === 1,
    leftOut: readUint32(payload, 1),
    lines: payload.byteLength === NOTICE_PREFIX_BYTES ? [] : text.split("\n"),
  };
}
