/** A worker that dials a run and answers each job with as much text as it can: printed lines without end, and an error of a megabyte. */

import { connect, type Socket } from "node:net";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  blob,
  CHOOSE,
  concat,
  DESCRIBE,
  encodeFrame,
  ERROR,
  FrameReader,
  int32,
  JOB,
  KIND_ERROR,
  LIMITED_JOB,
  OK,
  PRINTED,
  u64,
  utf8,
  VERSION,
} from "../fixtures/peers/frames.ts";

/** Notices of 16,000 empty lines before each answer, of a worker that prints. */
export const NOTICES = 20;

/** Dials a run and serves its jobs until the run has ended, with so many notices of printed lines for each. */
export async function lie(port: number, notices: number): Promise<Disposable> {
  let socket = await dial(port);
  let hasEnded = false;
  // On a busy machine the run may take it for dead: it comes back, or the run would wait for it.
  const onClosed = async () => {
    if (hasEnded) return;
    socket = await dial(port).catch(() => socket);
    if (hasEnded) socket.destroy();
    else lieOn(socket, notices, onClosed);
  };
  lieOn(socket, notices, onClosed);
  return {
    [Symbol.dispose]: () => {
      hasEnded = true;
      socket.destroy();
    },
  };
}

/** Dials a run, and answers all that it says with an error. Resolves when the run has disconnected. */
export async function refuse(port: number, text: string): Promise<void> {
  const socket = await dial(port);
  socket.on("error", () => {});
  const reader = new FrameReader();
  const closed = once(socket, "close");
  socket.on("data", (bytes: Uint8Array) => {
    for (const { id } of reader.push(bytes)) {
      socket.write(encodeFrame({ type: ERROR, id, payload: utf8(text) }));
    }
  });
  await closed;
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  return socket;
}

function lieOn(socket: Socket, notices: number, onClosed: () => void): void {
  socket.on("error", () => {});
  socket.once("close", onClosed);
  const reader = new FrameReader();
  const send = (type: number, id: bigint, payload: Uint8Array) =>
    socket.write(encodeFrame({ type, id, payload }));
  socket.on("data", (bytes: Uint8Array) => {
    for (const { type, id } of reader.push(bytes)) {
      if (type === JOB || type === LIMITED_JOB) {
        for (let notice = 0; notice < notices; notice++) {
          send(PRINTED, id, concat(new Uint8Array(5), new Uint8Array(16_000).fill(0x0a)));
        }
        if (notices > 0) {
          send(PRINTED, id, concat(Uint8Array.of(1), int32(0), utf8("y".repeat(16_000))));
        }
        send(KIND_ERROR, id, concat(new Uint8Array(1), utf8("x".repeat(1_000_000))));
      } else send(OK, id, responseTo(type));
    }
  });
}

function responseTo(type: number): Uint8Array {
  if (type === VERSION) return Uint8Array.of(1);
  if (type !== DESCRIBE) return type === CHOOSE ? Uint8Array.of(1) : new Uint8Array(0);
  const text = blob(utf8("m".repeat(100_000)));
  return concat(
    new Uint8Array(randomBytes(16)),
    int32(4),
    u64(0n),
    text,
    text,
    text,
    int32(0),
  );
}
