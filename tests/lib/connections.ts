/** Both ends of a TCP connection in this process, and keys in a folder of the test. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { detectRuntime } from "../../runtime/detect.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { makeKey } from "../../security/key_maker.ts";
import { createKeyFile } from "../../security/key_store.ts";

const runtime = await detectRuntime();

/** Both ends of a connection over loopback. */
export async function connectedPair(): Promise<{ dialed: ByteStream; accepted: ByteStream }> {
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const [accepted, dialed] = await Promise.all([
    listener.accept(),
    runtime.dial(listener.address, 10_000),
  ]);
  listener.close();
  assert(accepted);
  return { dialed, accepted };
}

/** A folder with new keys. */
export class Keys implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  static async make(): Promise<Keys> {
    return new Keys(await mkdtemp(join(tmpdir(), "dc-keys-")));
  }

  /** Makes a key. Returns its path. */
  async create(name = "key"): Promise<string> {
    const path = join(this.folder, name);
    await createKeyFile(path, await makeKey(runtime), runtime.random);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** An address of this machine that is not loopback, if it has one: a connection to it needs a key. */
export function outerAddress(): string | undefined {
  return Object.values(networkInterfaces()).flat()
    .find((one) => one && one.family === "IPv4" && !one.internal)?.address;
}

/** Everything that a stream has to say, until it ends. Rejects if it fails. */
export async function readAll(stream: ByteStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const into = new Uint8Array(64 * 1024);
  for (;;) {
    const bytes = await stream.read(into);
    if (bytes === null) return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
    chunks.push(into.slice(0, bytes));
  }
}
