/** The Deno adapter: sockets and processes. The compute core and the slot's channel lie beside it. */

import { fileURLToPath } from "node:url";
import { openCore, openSlotChannel } from "./deno_ffi.ts";
import { type ForwardedLines, forwardLines } from "./lines.ts";
import type {
  Address,
  ByteStream,
  ChildProcess,
  ProcessEnd,
  Runtime,
  SpawnOptions,
  StreamListener,
} from "./ports.ts";

/** Deno as a runtime for distcomp. */
export const denoRuntime: Runtime = {
  name: `deno ${Deno.version.deno}`,
  dial,
  listen,
  stdio,
  spawn,
  selfCommand,
  openCore,
  openSlotChannel,
};

async function dial(address: Address, timeoutMs: number): Promise<ByteStream> {
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new Error(`no answer within ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  try {
    return await connect(address, timeout.signal);
  } catch (cause) {
    throw new Error(plainReason(timeout.signal.aborted ? timeout.signal.reason : cause), { cause });
  } finally {
    clearTimeout(timer);
  }
}

async function connect(address: Address, signal: AbortSignal): Promise<ByteStream> {
  if (address.kind === "unix") {
    return connStream(await Deno.connect({ transport: "unix", path: address.path }), address.path);
  }
  const { host: hostname, port } = address;
  const connection = await Deno.connect({ hostname, port, signal });
  return tcpStream(connection);
}

function listen(address: Address): StreamListener {
  return address.kind === "unix"
    ? unixListener(Deno.listen({ transport: "unix", path: address.path }), address)
    : tcpListener(Deno.listen({ hostname: address.host, port: address.port }), address.host);
}

function tcpListener(listener: Deno.TcpListener, host: string): StreamListener {
  const { port } = listener.addr;
  return {
    address: { kind: "tcp", host, port },
    accept: () => acceptUntilClosed(async () => tcpStream(await listener.accept())),
    close: () => closeQuietly(listener),
  };
}

function unixListener(listener: Deno.UnixListener, address: Address): StreamListener {
  return {
    address,
    accept: () =>
      acceptUntilClosed(async () => connStream(await listener.accept(), "a local process")),
    close: () => closeQuietly(listener),
  };
}

/** The connection was gone before we had it, which macOS says with EINVAL. The next one may be sound. */
const GONE_CODES = ["ECONNABORTED", "ECONNRESET", "EINVAL", "ENOTCONN"];

/** The system has no room for one more connection now. Others will end. */
const NO_ROOM_CODES = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];
const NO_ROOM_PAUSE_MS = 100;

/** No peer can end a listener: only closing it does. */
async function acceptUntilClosed(accept: () => Promise<ByteStream>): Promise<ByteStream | null> {
  for (;;) {
    try {
      return await accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return null;
      }
      const { code = "" } = error as { code?: string };
      if (NO_ROOM_CODES.includes(code)) await delay(NO_ROOM_PAUSE_MS);
      else if (!GONE_CODES.includes(code)) throw error;
    }
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function tcpStream(connection: Deno.TcpConn): ByteStream {
  const { hostname, port } = connection.remoteAddr;
  connection.setNoDelay(true);
  connection.setKeepAlive(true);
  return connStream(
    connection,
    hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`,
  );
}

interface ReadWriteClose {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

function connStream(connection: ReadWriteClose, peer: string): ByteStream {
  return {
    peer,
    read: (into) => connection.read(into),
    write: (bytes) => writeAll(connection, bytes),
    endWrites: () => connection.closeWrite(),
    close: () => closeQuietly(connection),
  };
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
    // Closing twice is allowed by our ports; the peer's reset may have closed it first.
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

function spawn(command: readonly string[], options: SpawnOptions): ChildProcess {
  const [program, ...args] = command;
  if (program === undefined) throw new RangeError("There is no program to start");
  const child = new Deno.Command(program, {
    args,
    env: options.env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const printed = forwardLines([child.stdout, child.stderr], options.onLine);
  return {
    pid: child.pid,
    ended: endOf(child, printed),
    kill: (signal) => killQuietly(child, signal),
    unref: () => {
      child.unref();
      printed.stop();
    },
  };
}

async function endOf(child: Deno.ChildProcess, printed: ForwardedLines): Promise<ProcessEnd> {
  const status = await child.status;
  await printed.complete();
  return status.signal ? { signal: status.signal } : { exitCode: status.code };
}

function killQuietly(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // The process has ended already: what we wanted.
  }
}

function selfCommand(): readonly string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  const entry = new URL("../cli.ts", import.meta.url);
  const path = entry.protocol === "file:" ? fileURLToPath(entry.href) : entry.href;
  return [Deno.execPath(), "run", "--allow-all", "--quiet", path];
}

/** Deno's messages as half sentences: `Connection refused (os error 111)` → `connection refused`. */
function plainReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const plain = text.replace(/ \(os error \d+\)$/, "").replace(/^.*: (?=\w)/, "");
  return plain.charAt(0).toLowerCase() + plain.slice(1);
}
