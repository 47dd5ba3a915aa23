/** The socket at which other terminals of this user ask a run what it is doing. */

import { lstatSync, readdirSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { codeOf } from "../runtime/error_text.ts";
import { HttpServer } from "../runtime/network/http_server.ts";
import type { ByteStream, Runtime, StreamListener } from "../runtime/ports.ts";
import type { Log } from "../system/log.ts";
import { isRefused } from "../system/refused_socket.ts";
import { listenPrivately } from "../system/unix_socket.ts";
import { snapshotHandler } from "./handler.ts";
import type { Snapshot } from "./snapshot.ts";
import { makeSocketFolder, removeSocketFolder, socketParents } from "./socket_folder.ts";
import { isSocketName, newSocketName } from "./socket_name.ts";

/** Terminals that look at once. A further one is disconnected. */
const CONNECTIONS_MAX = 32;

/** The minimum age of a socket that nobody listens at: a younger one may belong to a run that is about to. */
const LEFTOVER_MS_MIN = 60_000;

/** How many leftovers a run looks at. The next run looks at others. */
const LEFTOVERS_MAX = 50;

/** What is needed of the runtime. */
type Ports = Pick<Runtime, "listen" | "dial" | "clock" | "random">;

/** Answers at a socket until it is closed. */
export class LiveSocket {
  readonly #listener: StreamListener;
  readonly #createServer: () => Promise<HttpServer>;
  /** Made for the first who looks: it loads a parser, which is a tenth of what a short run takes. */
  #server: Promise<HttpServer> | undefined;
  #connections = 0;

  private constructor(
    readonly path: string,
    listener: StreamListener,
    createServer: () => Promise<HttpServer>,
  ) {
    this.#listener = listener;
    this.#createServer = createServer;
  }

  /** Listens. Throws where no folder can be had for the socket. */
  static open(
    runtime: Ports,
    snapshot: () => Snapshot,
    variables: Readonly<Record<string, string | undefined>>,
    log: Log,
  ): LiveSocket {
    const onFailed = (reason: string) =>
      log.warn(`another terminal asks what this run is doing, and gets no answer: ${reason}`);
    const createServer = () =>
      HttpServer.create(snapshotHandler(snapshot), runtime.clock, onFailed);
    const name = newSocketName(process.pid, runtime.random);
    const { path, listener } = listenIn(runtime, socketParents(variables), name);
    const live = new LiveSocket(path, listener, createServer);
    void live.#accept();
    void removeDeadSockets(runtime, dirname(path), name);
    return live;
  }

  close(): void {
    this.#listener.close();
    void this.#server?.then((server) => server.close());
    removeSocketFolder(dirname(this.path));
  }

  async #accept(): Promise<void> {
    for (let stream = await this.#next(); stream; stream = await this.#next()) {
      if (this.#connections < CONNECTIONS_MAX) void this.#serve(stream);
      else stream.close();
    }
  }

  /** Accepting fails where the process may open no more files: then nobody can look any more, and the run goes on. */
  async #next(): Promise<ByteStream | null> {
    return await this.#listener.accept().catch(() => null);
  }

  async #serve(stream: ByteStream): Promise<void> {
    stream.unref?.();
    this.#connections += 1;
    const server = await (this.#server ??= this.#createServer());
    await server.serve(stream);
    this.#connections -= 1;
  }
}

/** A run that ends may just have removed the folder: then it is made once more. */
function listenIn(
  runtime: Ports,
  parents: readonly string[],
  name: string,
  triesLeft = 3,
): { readonly path: string; readonly listener: StreamListener } {
  const path = join(makeSocketFolder(parents), name);
  try {
    return { path, listener: listenPrivately(runtime, { kind: "unix", path }) };
  } catch (error) {
    if (codeOf(error) !== "ENOENT" || triesLeft === 0) throw error;
    return listenIn(runtime, parents, name, triesLeft - 1);
  }
}

/** Removes the sockets of runs that were killed. Their names are never used again. */
async function removeDeadSockets(runtime: Ports, folder: string, own: string): Promise<void> {
  try {
    const names = readdirSync(folder).filter((name) => isSocketName(name) && name !== own);
    for (const name of names.slice(0, LEFTOVERS_MAX)) {
      const path = join(folder, name);
      const isOld = runtime.clock.date() - lstatSync(path).mtimeMs > LEFTOVER_MS_MIN;
      if (isOld && await isRefused(runtime, path)) unlinkSync(path);
    }
  } catch {
    // Another run has removed it. What is left does no harm.
  }
}
