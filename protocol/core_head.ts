/**
 * The beginning of a message with a core, which arrives piece by piece: the core's name, and the length of its content.
 */

import { MalformedPayloadError } from "./errors.ts";
import { NO_PAYLOAD, PayloadReader } from "./payload.ts";

/** A longer name is refused. Those of files have 255 bytes at most. */
const NAME_BYTES_MAX = 64 * 1024;

const LENGTH_BYTES = 8;

/** The head of one message. */
export class CoreHead {
  #bytes = NO_PAYLOAD;
  /** Once it has arrived. */
  name: string | undefined;
  contentBytes = 0;

  /** Takes the next bytes of the payload. Returns those that belong to the content. */
  take(part: Uint8Array): Uint8Array {
    if (this.name !== undefined) return part;
    const bytes = new Uint8Array(this.#bytes.byteLength + part.byteLength);
    bytes.set(this.#bytes);
    bytes.set(part, this.#bytes.byteLength);
    this.#bytes = bytes;
    const headBytes = this.#headBytes;
    if (headBytes === undefined || bytes.byteLength < headBytes) return NO_PAYLOAD;
    const reader = new PayloadReader(bytes, "The payload of a new compute core");
    this.name = reader.string();
    this.contentBytes = Number(reader.uint64());
    this.#bytes = NO_PAYLOAD;
    return bytes.subarray(headBytes);
  }

  /** How long the head is, if that is known yet. */
  get #headBytes(): number | undefined {
    if (this.#bytes.byteLength < LENGTH_BYTES) return undefined;
    const nameBytes = Number(new PayloadReader(this.#bytes, "The length of a name").uint64());
    if (nameBytes <= NAME_BYTES_MAX) return LENGTH_BYTES + nameBytes + LENGTH_BYTES;
    throw new MalformedPayloadError(
      `The name of a compute core has ${nameBytes} bytes, but may have ${NAME_BYTES_MAX}`,
    );
  }
}
