/** Accepts workers that connect to a run. */

import { formatAddress } from "../../link/address.ts";
import type { ConnectionLimit } from "../../link/connection_limit.ts";
import type { Address, ByteStream, Runtime, StreamListener } from "../../runtime/ports.ts";
import { listenPrivately, listenProblem } from "../../system/unix_socket.ts";

/** Accepts connections until it is closed. */
export class Listeners {
  readonly #runtime: Runtime;
  readonly #onAccepted: (stream: ByteStream) => void;
  readonly #admission: ConnectionLimit;
  readonly #listeners: StreamListener[] = [];

  constructor(
    runtime: Runtime,
    admission: ConnectionLimit,
    onAccepted: (stream: ByteStream) => void,
  ) {
    this.#runtime = runtime;
    this.#admission = admission;
    this.#onAccepted = onAccepted;
  }

  get count(): number {
    return this.#listeners.length;
  }

  /** Starts listening. Returns the address, with the actual port if `address` has port 0. */
  open(address: Address): Address {
    const listener = this.#listenerAt(address);
    this.#listeners.push(listener);
    void this.#acceptFrom(listener);
    return listener.address;
  }

  get addresses(): Address[] {
    return this.#listeners.map(({ address }) => address);
  }

  close(): void {
    for (const listener of this.#listeners) listener.close();
  }

  #listenerAt(address: Address): StreamListener {
    try {
      return listenPrivately(this.#runtime, address);
    } catch (cause) {
      const name = formatAddress(address);
      throw new Error(`Cannot listen on ${name}: ${listenProblem(cause)}`, { cause });
    }
  }

  async #acceptFrom(listener: StreamListener): Promise<void> {
    for (let stream = await listener.accept(); stream; stream = await listener.accept()) {
      if (await this.#admission.admit(stream)) this.#onAccepted(stream);
    }
  }
}
