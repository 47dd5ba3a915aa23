/** A controller's messages as bytes, and a socket that reads its answers when it is told to. */

import { connect as connectSocket, type Socket } from "node:net";
import { once } from "node:events";
import {
  blob,
  CANCEL,
  concat,
  CORE,
  encodeFrame,
  FrameReader,
  HEADER_BYTES,
  int32,
  JOB,
  u64,
  utf8,
  VERSION,
  view,
} from "../fixtures/peers/frames.ts";

/** Connects to a worker, and reads nothing until told to. */
export async function connectRaw(
  worker: { readonly port: number },
): Promise<Socket & Disposable> {
  const socket = connectSocket({ port: worker.port, host: "127.0.0.1" });
  socket.on("error", () => {}); // its end is what tests look at
  await once(socket, "connect");
  socket.pause();
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.destroy() });
}

export function versionMessage(id: bigint, version = 1): Uint8Array {
  return encodeFrame({ type: VERSION, id, payload: int32(version) });
}

export function coreMessage(id: bigint, name: string, content: Uint8Array): Uint8Array {
  return encodeFrame({ type: CORE, id, payload: concat(blob(utf8(name)), blob(content)) });
}

export function jobMessage(id: bigint, input: string): Uint8Array {
  return encodeFrame({ type: JOB, id, payload: concat(u64(0n), blob(utf8(input))) });
}

/** Many job messages with the same input, and ids from `firstId` on. */
export function jobMessages(firstId: number, count: number, input: string): Uint8Array {
  const one = jobMessage(0n, input);
  const all = new Uint8Array(count * one.length);
  for (let index = 0; index < count; index++) {
    all.set(one, index * one.length);
    view(all).setBigUint64(index * one.length + 1, BigInt(firstId + index), true);
  }
  return all;
}

/** Many cancels, which have ids from `firstId` on. */
export function cancelMessages(firstId: number, ids: readonly number[]): Uint8Array {
  const one = encodeFrame({ type: CANCEL, id: 0n, payload: u64(0n) });
  const all = new Uint8Array(ids.length * one.length);
  for (const [index, id] of ids.entries()) {
    all.set(one, index * one.length);
    view(all).setBigUint64(index * one.length + 1, BigInt(firstId + index), true);
    view(all).setBigUint64(index * one.length + HEADER_BYTES, BigInt(id), true);
  }
  return all;
}

/** A frame without its payload, of which there may be gigabytes. */
export interface FrameHead {
  readonly type: number;
  readonly id: bigint;
  readonly payloadBytes: number;
}

/** Reads until there are `count` frames more, or to the end of the connection. */
export async function readFrames(socket: Socket, count = Infinity): Promise<FrameHead[]> {
  const reader = new FrameReader();
  const heads: FrameHead[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const onData = (bytes: Uint8Array) => {
    for (const { type, id, payload } of reader.push(bytes)) {
      heads.push({ type, id, payloadBytes: payload.length });
    }
    if (heads.length >= count) resolve();
  };
  socket.on("data", onData).once("close", resolve).resume();
  await promise;
  socket.pause().off("data", onData).off("close", resolve);
  return heads;
}

/** Ends the connection with an RST, as the system does for a process that is killed. */
export function reset(socket: Socket): void {
  socket.resetAndDestroy();
}
