/** Notices when this side closes a stream. */

import type { ByteStream } from "./ports.ts";

/**
 * Calls `act` once, when somebody closes the stream. A method is replaced, not the stream wrapped: others have the same
 * stream, which says more of itself than a wrapper would.
 */
export function onClose(stream: ByteStream, act: () => void): void {
  const close = stream.close.bind(stream);
  let isOpen = true;
  stream.close = () => {
    const isFirst = isOpen;
    isOpen = false; // before `act`, which may close the stream itself
    if (isFirst) act();
    close();
  };
}
