/** Whose the other end of a connection over loopback is, with real sockets. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { detectRuntime } from "../../runtime/detect.ts";
import { loopbackBytes } from "../../runtime/network/loopback_address.ts";
import { peerUserBy } from "../../runtime/network/peer_user.ts";
import type { ByteStream, StreamEnds } from "../../runtime/ports.ts";
import { eventually } from "../lib/processes.ts";
import { testUnless } from "../lib/test.ts";

const runtime = await detectRuntime();
const peerUser = (stream: ByteStream) => runtime.peerUser?.(stream.ends as StreamEnds);

const notLinux = process.platform === "linux" ? undefined : "only Linux tells";
const cannotBeOther = notLinux ??
  (process.getuid?.() === 0 && works("setpriv", ["--version"]) ? undefined : "needs root");
const hasNoNamespaces = notLinux ??
  (works("unshare", ["--user", "true"]) ? undefined : "user namespaces are not allowed");
const hasNoIpv6 = notLinux ??
  (await canListen("::1") ? undefined : "this machine has no IPv6 loopback");

/** A user that has no name and is not the overflow user. */
const OTHER_USER = 54321;

function works(command: string, args: string[]): boolean {
  return spawnSync(command, args).status === 0;
}

function canListen(host: string): Promise<boolean> {
  try {
    runtime.listen({ kind: "tcp", host, port: 0 }).close();
    return Promise.resolve(true);
  } catch {
    return Promise.resolve(false);
  }
}

/** Both ends of a connection in this process. */
async function connected(listenHost: string, dialHost = listenHost) {
  const listener = runtime.listen({ kind: "tcp", host: listenHost, port: 0 });
  assert(listener.address.kind === "tcp");
  const [accepted, dialed] = await Promise.all([
    listener.accept(),
    runtime.dial({ ...listener.address, host: dialHost }, 10_000),
  ]);
  listener.close();
  assert(accepted);
  return { accepted, dialed, close: () => [accepted, dialed].forEach((end) => end.close()) };
}

/** A connection from a shell that another user runs. It says hello and, if it `stays`, waits for our end to close. */
async function fromShell(command: readonly string[], stays: boolean) {
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  assert(listener.address.kind === "tcp");
  const script = `exec 3<>/dev/tcp/127.0.0.1/${listener.address.port}; echo hello >&3` +
    (stays ? "; read -u 3 line" : "");
  const [program, ...args] = [...command, "bash", "-c", script];
  const shell = spawn(program as string, args, { stdio: "inherit" });
  const gone = once(shell, "close");
  const accepted = await listener.accept();
  listener.close();
  assert(accepted);
  return { accepted, gone };
}

/** Our fixture as another process, and the lines that it prints. */
function fixture(through: string[] = []) {
  const script = fileURLToPath(new URL("../fixtures/accepts_and_asks.ts", import.meta.url));
  const flags = process.versions.bun ? [] : ["-A", "--quiet"];
  const [program, ...rest] = [...through, process.execPath, "run", ...flags, script];
  const child = spawn(program as string, rest, {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, "close");
  return {
    signal: (name: "SIGSTOP" | "SIGCONT") => process.kill(child.pid as number, name),
    nextLine: async () => String((await lines.next()).value),
    [Symbol.asyncDispose]: async () => {
      process.kill(child.pid as number, "SIGKILL");
      await ended;
    },
  };
}

testUnless(
  notLinux,
  "both ends of a connection over IPv4 loopback are of the same user",
  async () => {
    const { accepted, dialed, close } = await connected("127.0.0.1");
    assert.deepEqual(accepted.ends?.local, dialed.ends?.remote);
    assert.deepEqual(accepted.ends?.remote, dialed.ends?.local);
    assert.deepEqual([peerUser(accepted), peerUser(dialed)], ["same", "same"]);
    close();
  },
);

testUnless(
  hasNoIpv6,
  "both ends of a connection over IPv6 loopback are of the same user",
  async () => {
    const { accepted, dialed, close } = await connected("::1");
    assert.deepEqual([peerUser(accepted), peerUser(dialed)], ["same", "same"]);
    close();
  },
);

testUnless(
  hasNoIpv6,
  "a connection over IPv4 to a socket for IPv6 is told like any other",
  async () => {
    const { accepted, dialed, close } = await connected("::", "127.0.0.1");
    assert.deepEqual([peerUser(accepted), peerUser(dialed)], ["same", "same"]);
    close();
  },
);

testUnless(cannotBeOther, "a connection of another user is told from the own ones", async () => {
  const asOther = ["setpriv", `--reuid=${OTHER_USER}`, "--clear-groups"];
  const { accepted, gone } = await fromShell(asOther, true);
  assert.equal(peerUser(accepted), "other");
  accepted.close();
  await gone;
});

testUnless(
  cannotBeOther,
  "the overflow user, which may stand for anybody, is not known",
  async () => {
    const { accepted, gone } = await fromShell(
      ["setpriv", "--reuid=65534", "--clear-groups"],
      true,
    );
    assert.equal(peerUser(accepted), "unknown");
    accepted.close();
    await gone;
  },
);

testUnless(
  hasNoNamespaces,
  "a process in a user namespace without users takes nobody for itself",
  async () => {
    await using other = fixture(["unshare", "--user"]);
    const port = Number(await other.nextLine());
    const stream = await runtime.dial({ kind: "tcp", host: "127.0.0.1", port }, 10_000);
    assert.equal(await other.nextLine(), "unknown");
    stream.close();
  },
);

testUnless(
  notLinux,
  "a peer that sends and is gone at once is not known, and not taken for root",
  async () => {
    const { accepted, gone } = await fromShell([], false);
    await gone;
    assert.equal(peerUser(accepted), "closed");
    assert.equal(await accepted.read(new Uint8Array(99)), 6); // what it sent is there nevertheless
    accepted.close();
  },
);

testUnless(notLinux, "a connection that both sides have closed is not known", async () => {
  const { accepted, dialed } = await connected("127.0.0.1");
  dialed.close();
  assert.equal(await accepted.read(new Uint8Array(1)), null);
  accepted.close();
  // One end stays in TIME_WAIT, the other leaves no trace.
  for (const stream of [accepted, dialed]) {
    await eventually("the end is closed", () => {
      return ["closed", "unknown"].includes(peerUser(stream) ?? "");
    });
  }
});

testUnless(
  notLinux,
  "the one who dials knows that the other end has closed the connection",
  async () => {
    const { accepted, dialed } = await connected("127.0.0.1");
    accepted.close();
    await eventually("it is closed", () => peerUser(dialed) === "closed");
    dialed.close();
  },
);

testUnless(notLinux, "a peer that has ended its sending side is known", async () => {
  const { accepted, dialed, close } = await connected("127.0.0.1");
  await dialed.endWrites();
  assert.equal(await accepted.read(new Uint8Array(1)), null);
  assert.deepEqual([peerUser(accepted), peerUser(dialed)], ["same", "same"]);
  close();
});

testUnless(
  notLinux,
  "the one who dials knows whom it has reached only when that has accepted the connection",
  async () => {
    await using other = fixture();
    const port = Number(await other.nextLine());
    other.signal("SIGSTOP");
    const stream = await runtime.dial({ kind: "tcp", host: "127.0.0.1", port }, 10_000);
    assert.equal(peerUser(stream), "unaccepted");
    other.signal("SIGCONT");
    await eventually("it is accepted", () => peerUser(stream) === "same");
    assert.equal(await other.nextLine(), "same");
    stream.close();
  },
);

testUnless(
  notLinux,
  "a socket that listens at the address of a peer is not taken for the peer",
  () => {
    const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
    assert(listener.address.kind === "tcp");
    const { host, port } = listener.address;
    const ends = { local: { host, port: 7433 }, remote: { host, port } };
    assert.equal(runtime.peerUser?.(ends), "unknown");
    listener.close();
  },
);

testUnless(
  notLinux,
  "a thousand questions in a row get the right answers, in their order",
  async () => {
    const { accepted, dialed, close } = await connected("127.0.0.1");
    const nobody = { ...accepted.ends, remote: { host: "127.0.0.1", port: 1 } } as StreamEnds;
    for (let question = 0; question < 500; question++) {
      assert.equal(peerUser(question % 2 === 0 ? accepted : dialed), "same");
      assert.equal(runtime.peerUser?.(nobody), "unknown");
    }
    close();
  },
);

testUnless(notLinux, "no user is known where the C library cannot be called", async () => {
  const { accepted, close } = await connected("127.0.0.1");
  const refused = peerUserBy(() => {
    throw new Error("Requires ffi access");
  });
  assert.equal(refused(accepted.ends as StreamEnds), "hidden");
  assert.equal(refused(accepted.ends as StreamEnds), "hidden", "later too");
  close();
});

testUnless(notLinux, "only loopback addresses are asked for", () => {
  const asked = peerUserBy(() => assert.fail("the system is not asked"));
  const end = (host: string) => ({ host, port: 1 });
  for (const host of ["192.0.2.1", "::", "0.0.0.0", "fe80::1%lo", "2001:db8::1", "localhost", ""]) {
    assert.equal(asked({ local: end(host), remote: end("127.0.0.1") }), "unknown");
    assert.equal(asked({ local: end("127.0.0.1"), remote: end(host) }), "unknown");
    assert.equal(loopbackBytes(host), undefined);
  }
  assert.equal(loopbackBytes("127.0.0.256"), undefined);
  assert.deepEqual(loopbackBytes("127.1.2.3"), loopbackBytes("::FFFF:127.1.2.3"));
});
