/** Many nodes at once. */

import assert from "node:assert/strict";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";
import { nextTurn } from "../../runtime/clock.ts";
import type { PipedProcess } from "../../runtime/processes/piped_process.ts";
import { NODE_LINE } from "../../up/node_scripts.ts";
import { SshDialer } from "../../up/ssh_dialer.ts";
import { madeUpSsh } from "./made_up_ssh.ts";

/** A node that answers when it is told to. */
class Node {
  readonly #line = Promise.withResolvers<void>();

  answer(): void {
    this.#line.resolve();
  }

  get process(): PipedProcess {
    const read = async (into: Uint8Array<ArrayBuffer>) => {
      await this.#line.promise;
      return new TextEncoder().encodeInto(`${NODE_LINE}ready linux-x64 2 1\n`, into).written;
    };
    const nothing = () => Promise.resolve();
    const stream = { peer: "", read, write: nothing, endWrites: nothing, close: () => {} };
    return { stream, stderr: () => "", ended: new Promise(() => {}), kill: () => {} };
  }
}

test("an ssh that cannot be started says so, and is not tried again soon", async () => {
  const missing = new Error("spawn ssh ENOENT");
  const { process } = new Node();
  const stream = { ...process.stream, read: () => Promise.reject(new Error("Premature close")) };
  const ended = Promise.reject(missing);
  const dialer = new SshDialer({
    clock: new VirtualClock(),
    executables: [],
    start: () => ({ ...process, stream, ended }),
  });
  await assert.rejects(dialer.dial({ kind: "ssh", target: "node" }), {
    name: "RefusedError",
    message: /^cannot start ssh: /,
  });
});

test("a node that has started a worker once may always be tried again soon", async () => {
  const stderr = "ssh: Permission denied (publickey).\n";
  const dialer = new SshDialer({
    clock: new VirtualClock(),
    executables: [],
    start: madeUpSsh({ stderr }, { stdout: `${NODE_LINE}ready linux-x64 2 1\n` }, { stderr }),
  });
  const dial = () => dialer.dial({ kind: "ssh", target: "node" });
  await assert.rejects(dial(), { name: "RefusedError" });
  (await dial()).close();
  await assert.rejects(dial(), { name: "Error", message: "Permission denied (publickey)" });
});

test("a host that does not answer is given up after a minute, and its ssh is ended", async () => {
  const clock = new VirtualClock();
  const { process } = new Node();
  const killed = Promise.withResolvers<null>();
  const dialer = new SshDialer({
    clock,
    executables: [],
    start: () => ({
      ...process,
      stream: { ...process.stream, read: () => killed.promise },
      kill: () => killed.resolve(null),
    }),
  });
  const failed = assert.rejects(
    dialer.dial({ kind: "ssh", target: "node" }),
    /^Error: no answer within 60s$/,
  );
  await clock.advance(59_000);
  await clock.advance(1_000);
  await failed;
  assert.equal(clock.timers, 0);
});

test("nodes are dialed in turn, and never more than eight of them at once", async () => {
  const starting: Node[] = [];
  let started = 0;
  const dialer = new SshDialer({
    clock: new VirtualClock(),
    executables: [],
    start: () => {
      const node = new Node();
      starting.push(node);
      started += 1;
      return node.process;
    },
  });
  const dial = () => void dialer.dial({ kind: "ssh", target: "node" });
  for (let count = 0; count < 20; count++) dial();
  await nextTurn();
  while (starting.length > 0) {
    assert(starting.length <= 8, `${starting.length} at once`);
    starting.shift()?.answer();
    // Others ask while a place becomes free.
    for (let step = 0; step < 12 && started < 40; step++) {
      dial();
      await Promise.resolve();
    }
    await nextTurn();
  }
  assert(started >= 40);
});
