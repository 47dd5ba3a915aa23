/** The page of a run or a worker: where it is served, to whom, and under which address it opens. */

import os from "node:os";
import process from "node:process";
import { isLoopback } from "../link/address.ts";
import { hostOfPeer } from "../link/connection_limit.ts";
import { type Address, type ByteStream, hostAndPort, type Runtime } from "../runtime/ports.ts";
import { withHead } from "../security/derived_stream.ts";
import type { PageCredentials } from "../security/page_credentials.ts";
import { isFromSameUser } from "../security/peer_user.ts";
import type { Role } from "../security/role.ts";
import type { Log } from "../system/log.ts";
import type { Snapshot } from "../watch/snapshot.ts";
import { Access } from "./access.ts";
import { Connections } from "./connections.ts";
import { hasFirstRecord, hasRequestHead } from "./first_message.ts";
import { addressesOf, namesOfMachine } from "./host_names.ts";
import { HeldRequests } from "./held_requests.ts";
import { LatestState } from "./latest_state.ts";
import { listenForPage } from "./page_listener.ts";
import { Routes } from "./routes.ts";

/** How long an open page has to see how it ended: it asks each second, and in the background it is told. */
const LAST_LOOK_MS = 1_500;

/** A page was looked at if it has asked within this time. */
const LOOKED_MS_MAX = 3_000;

/** How the page is served. */
export interface PageOptions {
  readonly address: Extract<Address, { kind: "tcp" }>;
  readonly role: Role;
  /** The file of the key, for a page that other machines can reach. The process has opened it before. */
  readonly key?: string | undefined;
  /** Nothing is encrypted. */
  readonly insecure?: boolean | undefined;
  /** The token of programs. */
  readonly bearer?: string | undefined;
  /** The state that is shown. */
  readonly collect: () => Snapshot;
  readonly log: Log;
  /** Writes a line for the user, and stores it nowhere: it has a token. */
  print(line: string): void;
}

/** Serves the page. */
export class PageServer {
  readonly #runtime: Runtime;
  readonly #options: PageOptions;
  readonly #access: Access;
  readonly #state: LatestState;
  readonly #held: HeldRequests;
  readonly #credentials: PageCredentials | undefined;
  #connections!: Connections;
  #port = 0;
  #lookedAtMs = -Infinity;

  private constructor(runtime: Runtime, options: PageOptions, credentials?: PageCredentials) {
    this.#runtime = runtime;
    this.#options = options;
    this.#credentials = credentials;
    this.#access = new Access(runtime.random, credentials !== undefined, options.bearer);
    this.#state = new LatestState(options.collect, runtime.clock);
    this.#held = new HeldRequests(runtime.clock);
  }

  /** Listens, and prints the address of the page. Rejects if that is not possible. */
  static async open(runtime: Runtime, options: PageOptions): Promise<PageServer> {
    const isOpen = options.insecure || isLoopback(options.address);
    const server = new PageServer(
      runtime,
      options,
      isOpen ? undefined : await credentialsOf(runtime, options),
    );
    await server.#listen();
    return server;
  }

  /** The address that opens the page once. */
  get url(): string {
    const { host } = this.#options.address;
    const shown = isWildcard(host) ? os.hostname() : host;
    const scheme = this.#credentials ? "https" : "http";
    return `${scheme}://${hostAndPort(shown, this.#port)}/?token=${this.#access.token}`;
  }

  /** Nothing changes any more. Resolves when pages that are open have seen it, and the server is closed. */
  async end(): Promise<void> {
    const { clock } = this.#runtime;
    this.#state.onEnded();
    const isLookedAt = this.#held.count > 0 || clock.now() - this.#lookedAtMs < LOOKED_MS_MAX;
    this.#held.release();
    if (isLookedAt) await new Promise<void>((resolve) => clock.after(LAST_LOOK_MS, resolve));
    this.close();
  }

  /** Closes all connections at once. */
  close(): void {
    this.#held.release();
    this.#connections.close();
  }

  async #listen(): Promise<void> {
    const { clock } = this.#runtime;
    const { address, log } = this.#options;
    const listener = listenForPage(this.#runtime, address);
    listener.unref?.();
    if (listener.address.kind === "tcp") this.#port = listener.address.port;
    const routes = new Routes({
      access: this.#access,
      state: this.#state,
      held: this.#held,
      names: [...namesOfMachine(os.hostname()), address.host.toLowerCase()],
      isOwn: (stream) => isFromSameUser(this.#runtime, stream),
      onOpened: (stream) => this.#onOpened(stream),
      onAllowed: (stream) => this.#onAllowed(stream),
    });
    this.#connections = await Connections.serve({
      clock,
      handle: (request) => routes.answer(request),
      onFailed: (reason) => log.warn(`the page cannot answer a request: ${reason}`),
      isEnough: this.#credentials ? hasFirstRecord : hasRequestHead,
      // A flood by other users of this machine takes no turns of this user's.
      groupOf: (stream) => `${hostOfPeer(stream)} ${isFromSameUser(this.#runtime, stream)}`,
      admit: (stream, head) => this.#admit(stream, head),
    }, listener);
    this.#printAddress();
  }

  async #admit(stream: ByteStream, head: Uint8Array<ArrayBuffer>): Promise<ByteStream> {
    if (!this.#credentials) return withHead(stream, head);
    const { securePage } = await import("../security/page_guard.ts");
    return await securePage(stream, head, this.#credentials, this.#runtime.clock);
  }

  #onOpened({ peer }: ByteStream): void {
    this.#options.print(`${peer} has opened the page; for another browser: ${this.url}`);
  }

  #onAllowed(stream: ByteStream): void {
    this.#lookedAtMs = this.#runtime.clock.now();
    this.#connections.onAllowed(stream);
  }

  #printAddress(): void {
    const { log, print, address, insecure } = this.#options;
    if (insecure && !isLoopback(address)) {
      log.warn(
        "--insecure: the page is not encrypted, so anyone who can read the network traffic can see it",
      );
    }
    print(`the page is at ${this.url}`);
  }
}

async function credentialsOf(
  { clock, random }: Runtime,
  { role, key, address }: PageOptions,
): Promise<PageCredentials> {
  const { openPageCredentials } = await import("../security/page_credentials.ts");
  const own = isWildcard(address.host) ? addressesOf(os.networkInterfaces) : [address.host];
  const hosts = [...new Set(["localhost", ...namesOfMachine(os.hostname()), ...own])];
  return await openPageCredentials(role, { clock, random, path: key, env: process.env, hosts });
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
