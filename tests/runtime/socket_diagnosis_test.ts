/** What is taken for an answer of the kernel about a socket, with answers that are made up. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { loopbackBytes } from "../../runtime/network/loopback_address.ts";
import {
  type DiagnosisLibrary,
  SocketDiagnosis,
  type SocketUser,
} from "../../runtime/native/socket_diagnosis.ts";
import { test } from "../lib/test.ts";

const HERE = { address: loopbackBytes("127.0.0.1")!, port: 7433 };
const THERE = { address: loopbackBytes("127.0.0.2")!, port: 40_000 };
const HERE_6 = { address: loopbackBytes("::1")!, port: 7433 };
const THERE_6 = { address: loopbackBytes("::1")!, port: 40_000 };

const FD = 17;
const USER = 1000;
const ESTABLISHED = 1;
const SYN_RECV = 3;
const FIN_WAIT1 = 4;

/** Changes of a good answer, which is `struct nlmsghdr` and `struct inet_diag_msg`. */
type Change = (answer: Buffer) => Buffer | void;

/** The good answer to a request: the same socket, of user 1000. */
function answerTo(request: Buffer): Buffer {
  const answer = Buffer.alloc(88);
  answer.writeUInt32LE(88, 0);
  answer.writeUInt16LE(20, 4);
  answer.writeUInt32LE(request.readUInt32LE(8), 8);
  answer[16] = request[16]!;
  answer[17] = ESTABLISHED;
  request.copy(answer, 20, 24, 64); // both ports and addresses
  answer.writeUInt32LE(USER, 80);
  answer.writeUInt32LE(4711, 84);
  return answer;
}

/** A kernel that gives these answers to each question. */
function kernel(...changes: Change[]) {
  const queue: Buffer[] = [];
  const calls: string[] = [];
  const library: DiagnosisLibrary = {
    socket: () => FD,
    connect: () => 0,
    close: (fd) => calls.push(`close ${fd}`),
    write: (fd, bytes, count) => {
      assert.deepEqual([fd, count], [FD, bytes.byteLength]);
      const request = Buffer.from(bytes);
      for (const change of changes) {
        const answer = answerTo(request);
        queue.push(change(answer) ?? answer);
      }
      return count;
    },
    read: (_, into) => {
      const answer = queue.shift();
      if (!answer) return -1; // EAGAIN
      into.set(answer);
      return answer.byteLength;
    },
  };
  return { library, calls };
}

function userOf(from: typeof HERE, to: typeof HERE, ...changes: Change[]): SocketUser {
  return SocketDiagnosis.open(kernel(...changes).library)?.userOf(from, to);
}

test("the user of a socket is known, over IPv4 and IPv6", () => {
  assert.equal(userOf(THERE, HERE, () => {}), USER);
  assert.equal(userOf(THERE_6, HERE_6, () => {}), USER);
});

test("a socket for IPv6 that has a connection over IPv4 is the one that was asked for", () => {
  const asMapped: Change = (answer) => {
    const [source, destination] = [answer.subarray(24, 28), answer.subarray(40, 44)]
      .map((address) => Buffer.from(address));
    answer[16] = 10;
    answer.fill(0, 24, 56);
    for (const [at, address] of [[24, source], [40, destination]] as const) {
      answer.fill(0xff, at + 10, at + 12);
      address!.copy(answer, at + 12);
    }
  };
  assert.equal(userOf(THERE, HERE, asMapped), USER);
});

const UNUSABLE: Record<string, Change> = {
  "of a socket that listens": (answer) => void (answer[17] = 10),
  "of a socket that is trying to connect": (answer) => void (answer[17] = 2),
  "of a socket in TIME_WAIT": (answer) => void (answer[17] = 6),
  "of a socket that is closed": (answer) => void (answer[17] = 7),
  "of another source port": (answer) => void answer.writeUInt16BE(1, 20),
  "of another destination port": (answer) => void answer.writeUInt16BE(0, 22),
  "of another source": (answer) => void answer.writeUInt8(3, 27),
  "of another destination": (answer) => void answer.writeUInt8(3, 43),
  "that is an error": (answer) => void answer.writeUInt16LE(2, 4),
  "that is cut off": (answer) => answer.subarray(0, 87),
  "that is cut off in its header": (answer) => answer.subarray(0, 15),
};

for (const [what, change] of Object.entries(UNUSABLE)) {
  test(`an answer ${what} names no user`, () => {
    assert.equal(userOf(THERE, HERE, change), undefined);
  });
}

test("a connection that no process has accepted is nobody's yet", () => {
  for (const state of [ESTABLISHED, SYN_RECV]) {
    const unaccepted: Change = (answer) => {
      answer[17] = state;
      answer.writeUInt32LE(0, 80); // the kernel shows root
      answer.writeUInt32LE(0, 84);
    };
    assert.equal(userOf(THERE, HERE, unaccepted), "unaccepted");
  }
});

test("a socket that its process has closed is nobody's any more, and not root's", () => {
  const closed: Change = (answer) => {
    answer[17] = FIN_WAIT1;
    answer.writeUInt32LE(0, 80);
    answer.writeUInt32LE(0, 84);
  };
  assert.equal(userOf(THERE, HERE, closed), "closed");
});

test("answers to earlier questions are skipped, but not without end", () => {
  const stale: Change = (answer) => {
    answer.writeUInt32LE(99, 8);
    answer.writeUInt32LE(0, 80); // root
  };
  assert.equal(userOf(THERE, HERE, stale, stale, () => {}), USER);
  assert.equal(userOf(THERE, HERE, ...Array.from({ length: 9 }, () => stale), () => {}), undefined);
});

test("no answer names no user", () => {
  assert.equal(userOf(THERE, HERE), undefined);
});

test("a system without such sockets is told from one that has them, and nothing stays open", () => {
  const { library, calls } = kernel();
  assert.equal(SocketDiagnosis.open({ ...library, socket: () => -1 }), undefined);
  assert.deepEqual(calls, []);
  assert.equal(SocketDiagnosis.open({ ...library, connect: () => -1 }), undefined);
  assert.deepEqual(calls, [`close ${FD}`]);
});
