/** Who is served, and how, over real connections with real keys. Whose process the other end is, is what the test says. */

import assert from "node:assert/strict";
import process from "node:process";
import { detectRuntime } from "../../runtime/detect.ts";
import type { Address, ByteStream, PeerUser, Runtime } from "../../runtime/ports.ts";
import { type GuardOptions } from "../../security/guard.ts";
import { guardedRuntime } from "../../security/guarded_runtime.ts";
import { ClosedAtOnceError, KeyNeededError, RefusedError } from "../../security/refused_error.ts";
import type { Role } from "../../security/role.ts";
import type { Log } from "../../system/log.ts";
import { Keys } from "../lib/connections.ts";
import { eventually } from "../lib/processes.ts";
import { test, testUnless } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";
import { elapse } from "../worker/own_worker.ts";

const runtime = await detectRuntime();
const LOOPBACK: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };
const DIAL_MS = 10_000;

const NOT_LINUX = process.platform === "linux"
  ? undefined
  : "only Linux says whose a connection is";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A version exchange of version 1 with the id 7. */
const VERSION_EXCHANGE = Uint8Array.of(
  1,
  7,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  4,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  1,
  0,
  0,
  0,
);

/** One side of the connections of a test. */
interface Side {
  readonly key?: string;
  readonly insecure?: boolean;
  /** Whose the other end is. */
  readonly peer?: PeerUser;
}

/** A runtime in a role, and what it has logged. */
function sideOf(role: Role, { key, insecure, peer = "other" }: Side, ports: Runtime = runtime) {
  const lines: string[] = [];
  const log: Log = { info: () => {}, warn: (text) => lines.push(text), printed: () => {} };
  const options: GuardOptions = { role, key, insecure, log };
  return { ...guardedRuntime({ ...ports, peerUser: () => peer }, options), lines };
}

/** A worker that listens, and answers what it is sent with the same in capitals. */
async function withWorker(
  side: Side,
  body: (address: Address, accepted: ByteStream[], lines: string[]) => Promise<void>,
  ports?: Runtime,
): Promise<void> {
  const worker = sideOf("worker", side, ports);
  const listener = worker.listen(LOOPBACK);
  const accepted: ByteStream[] = [];
  const serving = (async () => {
    for (let next = await listener.accept(); next; next = await listener.accept()) {
      accepted.push(next);
      void answer(next);
    }
  })();
  try {
    await body(listener.address, accepted, worker.lines);
  } finally {
    listener.close();
    await serving;
    for (const stream of accepted) stream.close();
  }
}

async function answer(stream: ByteStream): Promise<void> {
  try {
    const into = new Uint8Array(1000);
    for (let bytes = await stream.read(into); bytes; bytes = await stream.read(into)) {
      const text = new TextDecoder().decode(into.subarray(0, bytes));
      await stream.write(bytesOf(text.toUpperCase()));
    }
  } catch {
    // The test looks at what the other side gets.
  }
}

async function ask(stream: ByteStream, text: string): Promise<string> {
  await stream.write(bytesOf(text));
  const into = new Uint8Array(1000);
  const bytes = await stream.read(into) ?? 0;
  return new TextDecoder().decode(into.subarray(0, bytes));
}

/** What a program without TLS gets from a worker: all bytes until the end. */
async function askPlain(address: Address, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = await runtime.dial(address, DIAL_MS);
  await stream.write(bytes);
  const into = new Uint8Array(10_000);
  let filled = 0;
  for (;;) {
    const more = await stream.read(into.subarray(filled)).catch(() => null);
    if (more === null) break;
    filled += more;
  }
  stream.close();
  return into.subarray(0, filled);
}

async function refusal(dialing: Promise<ByteStream>): Promise<string> {
  const error = await dialing.then(
    async (stream) => {
      try {
        return await stream.read(new Uint8Array(10));
      } catch (error) {
        return error;
      }
    },
    (error) => error,
  );
  assert(error instanceof RefusedError, `it was not refused: ${error}`);
  return error.message;
}

/** The error of the first read, and whether there is one yet. */
function refusedBy(stream: ByteStream) {
  let isOver = false;
  const error = stream.read(new Uint8Array(10)).catch((cause) => cause);
  void error.then(() => isOver = true);
  return { error, hasEnded: () => isOver };
}

/** Lets seconds pass until something is so that takes real time, too. */
async function until(what: string, clock: VirtualClock, look: () => boolean): Promise<void> {
  await eventually(what, async () => {
    await clock.advance(1_000);
    return look();
  });
}

testUnless(NOT_LINUX, "programs of the same user need no key", async () => {
  await withWorker({ peer: "same" }, async (address, accepted) => {
    const controller = sideOf("controller", { peer: "same" });
    const stream = await controller.dial(address, DIAL_MS);
    assert.equal(await ask(stream, "plain"), "PLAIN");
    assert.deepEqual(stream.proof, { kind: "same user" });
    assert.deepEqual(accepted[0]?.proof, { kind: "same user" });
    stream.close();
  });
});

testUnless(
  NOT_LINUX,
  "a program of the same user that accepts a connection after twenty seconds gets no byte of TLS",
  async () => {
    const clock = new VirtualClock();
    const dialing = dialingOneThat((waitedMs) => waitedMs < 20_000 ? "unaccepted" : "same", clock);
    const dialed = await dialing.promise;
    assert.deepEqual(dialed.proof, { kind: "same user" });
    await dialed.write(bytesOf("plain"));
    const accepted = await dialing.listener.accept();
    const into = new Uint8Array(100);
    const bytes = await accepted?.read(into) ?? 0;
    assert.equal(new TextDecoder().decode(into.subarray(0, bytes)), "plain");
    for (const stream of [dialed, accepted]) stream?.close();
    dialing.listener.close();
  },
);

testUnless(
  NOT_LINUX,
  "a connection that nobody accepts is closed after thirty seconds",
  async () => {
    const clock = new VirtualClock();
    const dialing = dialingOneThat(() => "unaccepted", clock);
    await assert.rejects(dialing.promise, /^Error: it has not accepted the connection within 30s$/);
    assert(clock.now() < 31_000, `after ${clock.now()} ms`);
    const accepted = await dialing.listener.accept();
    assert.equal(await accepted?.read(new Uint8Array(1)), null);
    accepted?.close();
    dialing.listener.close();
  },
);

testUnless(
  NOT_LINUX,
  "a connection that the other end has closed at once needs no key, and says so at once",
  async () => {
    const clock = new VirtualClock();
    const dialing = dialingOneThat((waitedMs) => waitedMs < 100 ? "unaccepted" : "closed", clock);
    await assert.rejects(dialing.promise, ClosedAtOnceError);
    assert(clock.now() < 1_000, `after ${clock.now()} ms`);
    const accepted = await dialing.listener.accept();
    assert.equal(await accepted?.read(new Uint8Array(1)), null, "no byte of TLS is sent");
    accepted?.close();
    dialing.listener.close();
  },
);

/** A run that dials a listener, whose user it sees as `userAt` says, in virtual time that passes. */
function dialingOneThat(userAt: (waitedMs: number) => PeerUser, clock: VirtualClock) {
  const log: Log = { info: () => {}, warn: () => {}, printed: () => {} };
  const ports = { ...runtime, clock, peerUser: () => userAt(clock.now()) };
  const listener = runtime.listen(LOOPBACK);
  const dialing = guardedRuntime(ports, { role: "controller", log }).dial(
    listener.address,
    DIAL_MS,
  );
  return { listener, promise: elapse(clock, dialing, 100) };
}

test("programs with the same key use TLS, and each knows the machine of the other", async () => {
  await using keys = await Keys.make();
  const key = await keys.create();
  await withWorker({ key }, async (address, accepted) => {
    const stream = await sideOf("controller", { key }).dial(address, DIAL_MS);
    assert.equal(await ask(stream, "secret"), "SECRET");
    assert(stream.proof?.kind === "key" && accepted[0]?.proof?.kind === "key");
    assert.equal(stream.proof.machine, accepted[0].proof.machine);
    stream.close();
  });
});

test("another key is refused, no byte is delivered, and both sides say the same", async () => {
  await using keys = await Keys.make();
  const [key, other] = [await keys.create(), await keys.create("other")];
  await withWorker({ key }, async (address, accepted, lines) => {
    const reason = await refusal(sideOf("controller", { key: other }).dial(address, DIAL_MS));
    assert.match(
      reason,
      /^the worker has the key .*, but the controller has .*: both need the same; copy .* again$/,
    );
    const [line = ""] = await eventually("the worker logs it", () => lines.length > 0 && lines);
    assert.match(
      line,
      /^refused 127\.0\.0\.1:\d+: the controller has the key .*both need the same; copy .* again$/,
    );
    assert.deepEqual(accepted, []);
  });
});

test("a worker that must have a key tells a program without TLS so, in answer to its message", async () => {
  await using keys = await Keys.make();
  const key = await keys.create();
  for (const peer of ["other", "unknown"] as const) {
    await withWorker({ key, peer }, async (address, accepted) => {
      const answer = await askPlain(address, VERSION_EXCHANGE);
      assert.deepEqual([...answer.subarray(0, 9)], [0xff, 7, 0, 0, 0, 0, 0, 0, 0]);
      assert.match(new TextDecoder().decode(answer.subarray(17)), /^this worker needs a key/);
      assert.deepEqual(accepted, []);
    });
  }
});

test("a run that listens sends nothing to who has no key", async () => {
  await using keys = await Keys.make();
  const run = sideOf("controller", { key: await keys.create() });
  const listener = run.listen(LOOPBACK);
  const accepting = listener.accept();
  const answer = await askPlain(listener.address, bytesOf("I am a worker, send me jobs"));
  assert.match(new TextDecoder().decode(answer.subarray(17)), /^this run needs a key/);
  listener.close();
  assert.equal(await accepting, null);
});

test("a controller that uses TLS though it need not is served with TLS by this user's worker", async () => {
  await using keys = await Keys.make();
  const key = await keys.create();
  await withWorker({ key, peer: "same" }, async (address) => {
    const stream = await sideOf("controller", { key, peer: "same" }).dial(address, DIAL_MS);
    assert.equal(stream.proof?.kind, "key");
    assert.equal(await ask(stream, "through a tunnel"), "THROUGH A TUNNEL");
    stream.close();
  });
});

testUnless(
  NOT_LINUX,
  "a run that sees nobody's user asks this user's worker for TLS when both wait, and meets it so",
  async () => {
    await using keys = await Keys.make();
    const key = await keys.create();
    const clock = new VirtualClock();
    clock.date = () => Date.now();
    const run = sideOf("controller", { key, peer: "hidden" }, { ...runtime, clock });
    const worker = sideOf("worker", { key, peer: "same" });
    const listener = run.listen(LOOPBACK);
    const accepting = listener.accept();
    const plain = await worker.dial(listener.address, DIAL_MS);
    const first = refusedBy(plain);
    await until("the worker has been told", clock, first.hasEnded);
    const error = await first.error;
    assert(error instanceof KeyNeededError, String(error));
    plain.close();
    const stream = await worker.dial(listener.address, DIAL_MS);
    const accepted = await accepting;
    assert.deepEqual([stream.proof?.kind, accepted?.proof?.kind], ["key", "key"]);
    stream.close();
    listener.close();
    assert.match(run.lines[0] ?? "", /it waited for this run to begin without TLS/);
  },
);

testUnless(
  NOT_LINUX,
  "a worker that sees nobody's user asks this user's run for TLS, and meets it so",
  async () => {
    // Both use the user's own key: a run that names one uses TLS at once.
    await withWorker({ peer: "hidden" }, async (address) => {
      const run = sideOf("controller", { peer: "same" });
      for (let time = 0; time < 2; time++) {
        const plain = await run.dial(address, DIAL_MS);
        await plain.write(VERSION_EXCHANGE);
        const error = await refusedBy(plain).error;
        assert(error instanceof KeyNeededError, String(error));
        const stream = await run.dial(address, DIAL_MS);
        assert.equal(stream.proof?.kind, "key");
        assert.equal(await ask(stream, "secret"), "SECRET");
        stream.close();
      }
    });
  },
);

test("a worker with --insecure takes everybody in plain, and says so to who uses TLS", async () => {
  await using keys = await Keys.make();
  const key = await keys.create();
  await withWorker({ insecure: true }, async (address, accepted) => {
    const stream = await sideOf("controller", { insecure: true }).dial(address, DIAL_MS);
    assert.equal(await ask(stream, "open"), "OPEN");
    assert.deepEqual(accepted[0]?.proof, { kind: "none" });
    stream.close();
    const reason = await refusal(sideOf("controller", { key }).dial(address, DIAL_MS));
    assert.match(reason, /this worker was started with --insecure/);
  });
});

test("a worker whose key cannot be used says so, and names no file to strangers", async () => {
  await using keys = await Keys.make();
  const key = await keys.create();
  const missing = `${keys.folder}/missing`;
  await withWorker({ key: missing }, async (address, _accepted, lines) => {
    const reason = await refusal(sideOf("controller", { key }).dial(address, DIAL_MS));
    assert.equal(reason, "the worker has no key that it can use; its log says why");
    const [line = ""] = await eventually("the worker logs it", () => lines.length > 0 && lines);
    assert.match(line, /There is no key ".*missing"/);
  });
});

test("a controller looks at its own key first", async () => {
  await using keys = await Keys.make();
  const key = await keys.create();
  await withWorker({ key }, async (address, _accepted, lines) => {
    const controller = sideOf("controller", { key: `${keys.folder}/missing` });
    assert.match(await refusal(controller.dial(address, DIAL_MS)), /^There is no key ".*missing"/);
    assert.deepEqual(lines.filter((line) => /the controller has/.test(line)), []);
  });
});

test("a key that is put right is used at the next attempt", async () => {
  await using keys = await Keys.make();
  const key = await keys.create();
  await withWorker({ key }, async (address) => {
    const own = `${keys.folder}/own`;
    const clock = new VirtualClock();
    clock.date = () => Date.now();
    const controller = sideOf("controller", { key: own }, { ...runtime, clock });
    assert.match(await refusal(controller.dial(address, DIAL_MS)), /^There is no key/);
    const { copyFile } = await import("node:fs/promises");
    await copyFile(key, own);
    const stream = await controller.dial(address, DIAL_MS);
    assert.equal(await ask(stream, "now"), "NOW");
    stream.close();
  });
});

test("a peer that proves nothing within thirty seconds is disconnected", async () => {
  await using keys = await Keys.make();
  const clock = new VirtualClock();
  clock.date = () => Date.now();
  await withWorker({ key: await keys.create() }, async (address, _accepted, lines) => {
    for (const head of ["", "\x16", "\x16\x03\x01\x02\x00\x01", "half a hea"]) {
      const stream = await runtime.dial(address, DIAL_MS);
      if (head) await stream.write(bytesOf(head));
      const ended = stream.read(new Uint8Array(100)).catch(() => null);
      await new Promise((resolve) => setTimeout(resolve, 100)); // until it is accepted
      await clock.advance(30_000);
      assert.equal(await ended, null);
      stream.close();
    }
    assert.match(lines[0] ?? "", /it has not proven who it is within 30s/);
  }, { ...runtime, clock });
});

test("a program of this machine that leaves without a word is not worth a line, and any other stranger is", async () => {
  await using keys = await Keys.make();
  await withWorker({ key: await keys.create() }, async (address, _accepted, lines) => {
    (await runtime.dial(address, DIAL_MS)).close();
    const stranger = await runtime.dial(address, DIAL_MS);
    await stranger.write(VERSION_EXCHANGE);
    await eventually("a line about the stranger", () => lines.length > 0);
    stranger.close();
    assert.match(lines.join("\n"), /^refused .*: it does not use TLS/);
  });
});

test("hundreds of silent connections do not keep out a peer that has the key", async () => {
  await using keys = await Keys.make();
  const key = await keys.create();
  await withWorker({ key }, async (address, _accepted, lines) => {
    const silent: ByteStream[] = [];
    for (let count = 0; count < 300; count++) silent.push(await runtime.dial(address, DIAL_MS));
    const stream = await sideOf("controller", { key }).dial(address, DIAL_MS);
    assert.equal(await ask(stream, "honest"), "HONEST");
    stream.close();
    for (const one of silent) one.close();
    assert(lines.length <= 1, "strangers fill no log");
  });
});
