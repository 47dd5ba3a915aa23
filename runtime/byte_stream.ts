/** A connection: bytes in and bytes out, who is at the other end, and going over to TLS. */

/** The two ends of a TCP connection. Hosts are IP addresses, as the runtime writes them. */
export interface StreamEnds {
  readonly local: { readonly host: string; readonly port: number };
  readonly remote: { readonly host: string; readonly port: number };
}

/**
 * Whose the other end of a connection is: this user's or another one's. "unknown": the system does not tell, the
 * connection is not over loopback, or the other end is closed or not accepted yet. The one who dials asks again then.
 * "hidden": this process may not ask.
 */
export type PeerUser = "same" | "other" | "unknown" | "hidden";

/** What is proven about the other end of a connection. */
export type PeerProof =
  /** A process of this user, by the kernel, a Unix socket or stdio. */
  | { readonly kind: "same user" }
  /** It has our key. The id of its machine and its host name, as its certificate has them. */
  | { readonly kind: "key"; readonly machine: string; readonly name: string }
  /** Nothing: `--insecure`. */
  | { readonly kind: "none" };

/** A connection or a pair of pipes: bytes in and bytes out, in order. */
export interface ByteStream {
  /** The name of the other end, for messages. */
  readonly peer: string;
  /** Only of a TCP connection. */
  readonly ends?: StreamEnds;
  /** Missing if nobody has looked. */
  readonly proof?: PeerProof;
  /**
   * Reads at least one byte into `into`. Resolves to the number of bytes; to `null` at the end of the stream. `isLarge`:
   * they are of something large, so that it is worth a system call to read them at once.
   */
  read(into: Uint8Array<ArrayBuffer>, isLarge?: boolean): Promise<number | null>;
  /** Writes all of `bytes`, which must not change until then. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Ends the sending direction. The other direction stays open. */
  endWrites(): Promise<void>;
  /** Ends both directions. A pending `read` or `write` ends or rejects. May be called again. */
  close(): void;
  /** From now on, it does not keep this process alive. */
  unref?(): void;
  /**
   * Goes over to TLS. Closing this stream still closes the connection. If it rejects because the other side speaks no
   * TLS, what that has said first can be read. Missing where `tls_stream.ts` has to do it.
   */
  startTls?(start: TlsStart): Promise<TlsStream>;
}

/** What one side shows, and whom it knows. All are PEM. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly privateKey: string;
  /** The issuers of the peers' certificates. */
  readonly authorities: readonly string[];
  /** The name that a server's certificate must have. A client asks for it. */
  readonly serverName: string;
}

/** How TLS begins. */
export interface TlsStart {
  readonly identity: TlsIdentity;
  readonly isServer: boolean;
  /** Bytes that were already read from the connection. */
  readonly head: Uint8Array;
}

/** A connection on which the handshake is done. */
export interface TlsStream extends ByteStream {
  /** What the peer has shown (DER); `undefined` if nothing. */
  readonly certificate: Uint8Array | undefined;
  /** Whether one of the authorities has issued it, and it is valid now. */
  readonly isAuthorized: boolean;
}
