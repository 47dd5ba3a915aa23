/** Listens where a page is served. */

import { formatAddress } from "../link/address.ts";
import { codeOf, reasonOf, toError } from "../runtime/error_text.ts";
import type { Address, Runtime, StreamListener } from "../runtime/ports.ts";

/** Errors that another port would not have. */
const OF_THE_PORT = ["EADDRINUSE", "EACCES"];

/** Throws an error that says what to do. */
export function listenForPage(runtime: Runtime, address: Address): StreamListener {
  try {
    return runtime.listen(address);
  } catch (cause) {
    const where = formatAddress(address);
    const other = OF_THE_PORT.includes(codeOf(toError(cause).cause)) ? "port" : "address";
    throw new Error(
      `Cannot serve the page at ${where}: ${reasonOf(cause)}; choose another ${other} with --web`,
      { cause },
    );
  }
}
