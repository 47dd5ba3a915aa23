/** What the streams of Bun's sockets have in common: the events of a socket, and writing to it. */

import type { BunSocket, BunSocketHandler } from "./api.ts";
import { hostAndPort, type StreamEnds } from "../ports.ts";

/** What happens to a socket. */
export interface SocketEvents {
  onData(chunk: Uint8Array): void;
  /** The other side sends no more. */
  onPeerEnded(): void;
  /** The socket takes bytes again. */
  onDrain(): void;
  onClosed(error?: Error): void;
}

/** A socket, whose `data` is told its events. */
export type Socket = BunSocket<SocketEvents>;

/**
 * The event handlers of a socket. `eventsOf` is asked once, when the socket is open. `onOpen` may close it: its events
 * have somebody to go to by then.
 */
export function socketHandlers<E extends SocketEvents>(
  eventsOf: (socket: Socket) => E,
  onOpen: (events: E) => void = () => {},
): BunSocketHandler<SocketEvents> {
  return {
    open: (socket) => {
      const events = eventsOf(socket);
      socket.data = events;
      onOpen(events);
    },
    data: (socket, chunk) => socket.data.onData(chunk),
    drain: (socket) => socket.data.onDrain(),
    end: (socket) => socket.data.onPeerEnded(),
    error: (socket, error) => socket.data.onClosed(error),
    close: (socket, error) => socket.data.onClosed(error),
  };
}

/** Where a socket leads. `ends`: not of a Unix socket. */
export function placeOf(
  { localAddress, localPort, remoteAddress, remotePort }: Socket,
): { readonly peer: string; readonly ends?: StreamEnds } {
  if (!remotePort) return { peer: "a local process" };
  return {
    peer: hostAndPort(remoteAddress, remotePort),
    ends: {
      local: { host: localAddress, port: localPort },
      remote: { host: remoteAddress, port: remotePort },
    },
  };
}

/** Writes to a socket, and waits while it takes no more. One write at a time. */
export class SocketWrites {
  readonly #socket: Socket;
  #onWritable: ((error?: Error) => void) | undefined;
  #failure: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Whether bytes wait until the socket takes them. */
  get areWaiting(): boolean {
    return this.#onWritable !== undefined;
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    let rest = bytes;
    while (rest.byteLength > 0) {
      const written = this.#failure ? -1 : this.#socket.write(rest);
      if (written < 0) throw this.#failure ?? new Error("the connection is closed");
      rest = rest.subarray(written);
      if (rest.byteLength > 0) await this.#writable();
    }
  }

  /** The socket takes bytes again, or never if there is a failure. */
  onWritable(failure?: Error): void {
    this.#failure ??= failure;
    const onWritable = this.#onWritable;
    this.#onWritable = undefined;
    onWritable?.(failure);
  }

  #writable(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onWritable = (failure) => failure ? reject(failure) : resolve();
    });
  }
}
