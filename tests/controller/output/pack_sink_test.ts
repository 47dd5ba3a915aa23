/** What a pack does with the memory of outputs. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { PackFile } from "../../../controller/output/pack_file.ts";
import { PackSink } from "../../../controller/output/pack_sink.ts";
import { packFormatOf } from "../../../controller/output/pack_format.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const LARGE = 100_000;

test("the memory of an output is given back when it was copied or written, and not before", async () => {
  for (const [ending, isReferenced] of [[".tar", true], [".jsonl", false]] as const) {
    const file = new HeldFile();
    const format = packFormatOf(`pack${ending}`) ?? assert.fail();
    const options = { path: "pack", file, format, clock: new VirtualClock(), keptBytes: 0 };
    const sink = await PackSink.open(options);
    const given: number[] = [];
    const backlog = { onBegun() {}, onEnded() {} };
    const outputs = [new Uint8Array(10), new Uint8Array(LARGE)] as const;
    const give = ({ buffer, byteLength }: Uint8Array) => {
      if (outputs.some((output) => output.buffer === buffer)) given.push(byteLength);
    };
    sink.countIn(backlog, { give });
    for (const output of outputs) sink.commit(`${output.byteLength}`, output);
    const written = sink.write();
    assert.deepEqual(given, isReferenced ? [10] : [10, LARGE]); // a line has a copy
    file.gate.resolve();
    await written;
    assert.deepEqual(given, [10, LARGE]);
    await sink.close();
  }
});

test("a batch that is being written does not change, and its buffer is used again afterwards", async () => {
  const file = new HeldFile();
  const format = packFormatOf("pack.csv") ?? assert.fail();
  const options = { path: "pack", file, format, clock: new VirtualClock(), keptBytes: 0 };
  const sink = await PackSink.open(options);
  const commit = (name: string) => {
    sink.commit(name, Buffer.from("output"));
    return sink.write();
  };
  const writes = [commit("a"), commit("b"), commit("c")];
  file.gate.resolve();
  await Promise.all(writes);
  await commit("d");
  await sink.close();
  const rows = ["a", "b", "c", "d"].map((name) => `${name},0,output\n`);
  assert.equal(file.text, `name,exitCode,output\n${rows.join("")}`);
  assert.equal(file.buffers.size, 3);
});

/** A file that is written once the gate is open. */
class HeldFile implements PackFile {
  readonly gate = Promise.withResolvers<void>();
  readonly bytes = 0;
  text = "";
  /** The memory that was written from. */
  readonly buffers = new Set<ArrayBufferLike>();

  endBefore(): number {
    return 0;
  }

  async append(parts: readonly Uint8Array[]): Promise<void> {
    await this.gate.promise;
    this.text += parts.map((part) => new TextDecoder().decode(part)).join("");
    for (const { buffer } of parts) this.buffers.add(buffer);
  }

  read(): Promise<number> {
    return Promise.resolve(0);
  }

  async cut(): Promise<void> {}
  async datasync(): Promise<void> {}
  async close(): Promise<void> {}
}
