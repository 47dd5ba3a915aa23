/** What it takes to go over to TLS on a connection, and what that says about the peer. */

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

/** What is known about the peer when the handshake is done. */
export interface TlsPeer {
  /** What the peer has shown (DER); `undefined` if nothing. */
  readonly certificate: Uint8Array | undefined;
  /**
   * Whether one of the authorities has issued it, and it was valid when TLS looked at it; `undefined` if TLS has not
   * looked, because a session is resumed.
   */
  readonly isAuthorized: boolean | undefined;
}
