/** The adapter for Deno: sockets and processes. Compute cores and the slot's channel are in `deno/ffi.ts`. */

import { fileURLToPath } from "node:url";
import { acceptUntilClosed } from "./accepting.ts";
import { systemClock, systemRandom } from "../clock.ts";
import { denoFiles } from "./files.ts";
import {
  createMemory,
  machineNowUs,
  openCFunctions,
  openCore,
  openCoreProcess,
  openSlotChannel,
  whileInherited,
} from "./ffi.ts";
import { reasonOf } from "../error_text.ts";
import { runInBackground } from "../processes/process_priority.ts";
import { adoptOrphansWith, ORPHAN_FUNCTIONS } from "../processes/orphans.ts";
import { peerUserBy } from "../network/peer_user.ts";
import {
  type Address,
  type ByteStream,
  type ChildProcess,
  hostAndPort,
  type ProcessEnd,
  type Runtime,
  type SocketAddress,
  socketOf,
  type SpawnOptions,
  type StreamEnds,
  type StreamListener,
} from "../ports.ts";
import { killRestOfGroup, signalGroup } from "../processes/process_group.ts";
import { selfCommandOf } from "../processes/self_command.ts";
import {
  enlargeUnixSendBuffers,
  LARGE_WRITE_BYTES,
  UNIX_BUFFER_FUNCTIONS,
} from "../native/send_buffer.ts";
import { DIAGNOSIS_FUNCTIONS } from "../native/socket_diagnosis.ts";
import { checkOwnSocket } from "../network/unix_owner.ts";

/** Deno as a runtime for distcomp. */
export const denoRuntime: Runtime = {
  name: `deno ${Deno.version.deno}`,
  clock: systemClock,
  random: systemRandom,
  files: denoFiles,
  dial,
  listen,
  peerUser: peerUserBy(() => openCFunctions(DIAGNOSIS_FUNCTIONS)),
  stdio,
  writeStderr: (bytes) => writeAll(Deno.stderr, bytes), // `process.stderr` of Deno blocks
  spawn,
  adoptOrphans: () => adoptOrphansWith(() => openCFunctions(ORPHAN_FUNCTIONS)),
  selfCommand,
  openCore,
  openCoreProcess,
  createMemory,
  machineNowUs,
  inheritedAs: (fd) => fd,
  openSlotChannel,
};

async function dial(address: Address, timeoutMs: number): Promise<ByteStream> {
  const timeout = new AbortController();
  const timer = systemClock.after(
    timeoutMs,
    () => timeout.abort(new Error(`no answer within ${timeoutMs / 1000}s`)),
  );
  try {
    return await connect(socketOf(address), timeout.signal);
  } catch (cause) {
    throw new Error(reasonOf(timeout.signal.aborted ? timeout.signal.reason : cause), { cause });
  } finally {
    timer.stop();
  }
}

async function connect(
  address: SocketAddress,
  signal: AbortSignal,
): Promise<ByteStream> {
  if (address.kind === "unix") {
    checkOwnSocket(address.path);
    return connStream(await Deno.connect({ transport: "unix", path: address.path }), address.path);
  }
  const { host: hostname, port } = address;
  const connection = await Deno.connect({ hostname, port, signal });
  return tcpStream(connection);
}

function listen(at: Address): StreamListener {
  const address = socketOf(at);
  try {
    return address.kind === "unix"
      ? unixListener(Deno.listen({ transport: "unix", path: address.path }), address)
      : tcpListener(Deno.listen({ hostname: address.host, port: address.port }), address.host);
  } catch (cause) {
    throw new Error(reasonOf(cause), { cause });
  }
}

function tcpListener(listener: Deno.TcpListener, host: string): StreamListener {
  const { port } = listener.addr;
  const accept = async () => tcpStream(await listener.accept());
  return streamListener({ kind: "tcp", host, port }, accept, listener);
}

function unixListener(listener: Deno.UnixListener, address: Address): StreamListener {
  const accept = async () => connStream(await listener.accept(), "a local process");
  return streamListener(address, accept, listener);
}

function streamListener(
  address: Address,
  accept: () => Promise<ByteStream>,
  listener: { close(): void; unref(): void },
): StreamListener {
  let isClosed = false;
  return {
    address,
    accept: () => acceptUntilClosed(accept, () => isClosed, systemClock),
    close: () => {
      isClosed = true;
      closeQuietly(listener);
    },
    unref: () => listener.unref(),
  };
}

function tcpStream(connection: Deno.TcpConn): ByteStream {
  const { remoteAddr, localAddr } = connection;
  const { hostname, port } = remoteAddr;
  const ends = {
    local: { host: localAddr.hostname, port: localAddr.port },
    remote: { host: hostname, port },
  };
  try {
    connection.setNoDelay(true);
    connection.setKeepAlive(true);
  } catch (error) {
    closeQuietly(connection); // the caller never gets it
    throw error;
  }
  return connStream(connection, hostAndPort(hostname, port), ends);
}

interface ReadWriteClose {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  unref(): void;
}

function connStream(connection: ReadWriteClose, peer: string, ends?: StreamEnds): ByteStream {
  let hasLargeBuffer = ends !== undefined; // that of TCP grows by itself
  return {
    peer,
    ...ends && { ends },
    read: (into) => connection.read(into),
    write: (bytes) => {
      if (!hasLargeBuffer && bytes.byteLength >= LARGE_WRITE_BYTES) {
        hasLargeBuffer = true;
        enlargeBuffers();
      }
      return writeAll(connection, bytes);
    },
    endWrites: () => connection.closeWrite(),
    close: () => closeQuietly(connection),
    unref: () => connection.unref(),
  };
}

/** Those of all Unix sockets: Deno does not tell which descriptor a connection has. */
function enlargeBuffers(): void {
  const mayCall = Deno.permissions.querySync({ name: "ffi" }).state === "granted";
  if (!mayCall || Deno.build.os !== "linux") return;
  enlargeUnixSendBuffers(openCFunctions(UNIX_BUFFER_FUNCTIONS));
}

async function writeAll(
  to: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  let written = await to.write(bytes);
  while (written < bytes.byteLength) written += await to.write(bytes.subarray(written));
}

function stdio(): ByteStream {
  return {
    peer: "stdin",
    read: (into) => Deno.stdin.read(into),
    write: (bytes) => writeAll(Deno.stdout, bytes),
    endWrites: () => Promise.resolve(closeQuietly(Deno.stdout)),
    close: () => {
      closeQuietly(Deno.stdin);
      closeQuietly(Deno.stdout);
    },
  };
}

function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch (error) {
    // A port may be closed twice, and a reset by the peer may have closed it already.
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Starts a program. `node:child_process` cannot be used: it rewrites the arguments if the program is Deno. */
function spawn(command: readonly string[], options: SpawnOptions): ChildProcess {
  const [program, ...args] = command;
  if (program === undefined) throw new RangeError("The command to start is empty");
  const { env, isDetached = false, isTold = false, inherited = [] } = options;
  const prepared = new Deno.Command(program, {
    args,
    env,
    clearEnv: true, // otherwise `env` would only be added
    ...options.folder !== undefined && { cwd: options.folder },
    stdin: isTold ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
    detached: isDetached,
  });
  const child = whileInherited(inherited, () => prepared.spawn());
  if (options.isInBackground) runInBackground(child.pid);
  if (options.isUnheld) child.unref();
  const input = isTold ? child.stdin.getWriter() : undefined;
  return {
    pid: child.pid,
    outputs: [child.stdout, child.stderr],
    ended: endOf(child, isDetached),
    tell: (text) => void input?.write(new TextEncoder().encode(text)).catch(() => {}), // it has ended
    kill: (signal) => {
      if (!isDetached || !signalGroup(child.pid, signal)) killQuietly(child, signal);
    },
    unref: () => child.unref(),
  };
}

async function endOf(child: Deno.ChildProcess, isDetached: boolean): Promise<ProcessEnd> {
  const status = await child.status;
  if (isDetached) killRestOfGroup(child.pid);
  return status.signal ? { signal: status.signal } : { exitCode: status.code };
}

function killQuietly(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // The process has ended already.
  }
}

function selfCommand(role?: string): readonly string[] {
  return selfCommandOf({
    path: Deno.execPath(),
    isExecutable: Deno.build.standalone,
    run: ["run", "--allow-all", "--quiet"],
    main: Deno.mainModule,
    pathOf: fileURLToPath,
  }, role);
}
