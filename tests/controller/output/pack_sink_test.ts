/** What a pack does with the memory of outputs. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { PackFile } from "../../../controller/output/pack/pack_file.ts";
import { PackSink } from "../../../controller/output/pack/pack_sink.ts";
import type { PackPlace } from "../../../controller/output/sink.ts";
import { packFormatOf } from "../../../controller/output/pack/pack_format.ts";
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
    sink.countIn(backlog, { give, take: () => undefined });
    for (const output of outputs) sink.commit(`${output.byteLength}`, output);
    const written = sink.write();
    assert.deepEqual(given, isReferenced ? [10] : [10, LARGE]); // a line has a copy
    file.gate.resolve();
    await written;
    assert.deepEqual(given, [10, LARGE]);
    await sink.close();
  }
});

test("a batch that is being written does not change, and its buffer is given back when all of it is written", async () => {
  const file = new HeldFile();
  const format = packFormatOf("pack.csv") ?? assert.fail();
  const options = { path: "pack", file, format, clock: new VirtualClock(), keptBytes: 0 };
  const sink = await PackSink.open(options);
  const memory = new BatchBuffers();
  sink.countIn({ onBegun() {}, onEnded() {} }, memory);
  const rows = Array.from({ length: 125 }, (_, row) => {
    const text = `${row}`.padEnd(20_000, "x"); // 52 of them fill a buffer
    sink.commit(`${row}`, Buffer.from(text));
    return `${row},0,${text}\n`;
  });
  const written = sink.write();
  assert.equal(memory.given, 0);
  assert(memory.taken > 1, "no buffer was filled");
  file.gate.resolve();
  await written;
  assert.equal(memory.given, memory.taken - 1); // the last one has room for more
  await sink.close();
  assert.equal(file.text, `name,exitCode,output\n${rows.join("")}`);
});

test("batches of large outputs share the buffer for what stands between them", async () => {
  const { sink, file } = await openSink(".tar");
  const memory = new BatchBuffers();
  sink.countIn({ onBegun() {}, onEnded() {} }, memory);
  for (let index = 0; index < 10; index++) sink.commit(`${index}`, new Uint8Array(1_000_000));
  await sink.close();
  assert.equal(memory.taken, 1);
  assert.equal(file.content.byteLength, 10 * (512 + 1_000_448) + 1024);
});

test("a long text is converted in parts, and other outputs are taken between two of them", async () => {
  const text = `x${'é\u{1f600}"\n, '.repeat(200_000)}`; // a part ends within a character
  for (const [ending, read] of [[".jsonl", ofJson], [".csv", ofCsv]] as const) {
    const { sink, file } = await openSink(ending);
    const taking = sink.commit("long", Buffer.from(text));
    await new Promise((resolve) => setImmediate(resolve));
    sink.commit("short", Buffer.from("text"));
    const add = await taking ?? assert.fail();
    const short = { ...sink.place };
    const long = add();
    await sink.close();
    const entryAt = ({ packAt, packBytes }: PackPlace) =>
      file.content.subarray(packAt, packAt + packBytes).toString();
    assert.deepEqual([short, long].map(entryAt).map(read), [["short", "text"], ["long", text]]);
    assert.equal(long.packAt, short.packAt + short.packBytes);
    assert.equal(file.content.byteLength, long.packAt + long.packBytes);
  }
});

test("a long output that is no text to its end is refused, and leaves nothing in the pack", async () => {
  const { sink, file } = await openSink(".jsonl");
  const output = new Uint8Array(3_000_000).fill(0x20);
  output[2_999_999] = 0xff;
  const taking = sink.commit("a", output) ?? assert.fail();
  await assert.rejects(taking, /"a" cannot be packed as text: it is not UTF-8 text/);
  await sink.close();
  assert.equal(file.text, "");
});

test("an output that is still being converted when its pack is closed does not get into it", async () => {
  const { sink, file } = await openSink(".jsonl");
  const taking = sink.commit("a", new Uint8Array(3_000_000)) ?? assert.fail();
  await sink.close();
  await assert.rejects(taking, /Cannot write the pack "pack": it is closed/);
  assert.equal(file.text, "");
});

async function openSink(ending: string): Promise<{ sink: PackSink; file: HeldFile }> {
  const file = new HeldFile();
  file.gate.resolve();
  const format = packFormatOf(`pack${ending}`) ?? assert.fail();
  const options = { path: "pack", file, format, clock: new VirtualClock(), keptBytes: 0 };
  return { sink: await PackSink.open(options), file };
}

function ofJson(line: string): [string, string] {
  const { name, output } = JSON.parse(line);
  return [name, output];
}

/** Of a row with an output that has no quotes, or is quoted. */
function ofCsv(row: string): [string, string] {
  const [, name = "", field = ""] = /^(\w+),0,([^]*)\n$/.exec(row) ?? [];
  return [name, field.replace(/^"([^]*)"$/, "$1").replaceAll('""', '"')];
}

/** Lends buffers, and overwrites what it gets back. */
class BatchBuffers {
  taken = 0;
  given = 0;

  take(bytes: number): Uint8Array<ArrayBuffer> {
    this.taken += 1;
    return new Uint8Array(bytes);
  }

  give(bytes: Uint8Array): void {
    if (bytes.byteLength < 1024 * 1024) return; // no buffer of a batch
    this.given += 1;
    bytes.fill(0);
  }
}

/** A file that is written once the gate is open. */
class HeldFile implements PackFile {
  readonly gate = Promise.withResolvers<void>();
  readonly bytes = 0;
  content: Buffer = Buffer.alloc(0);
  /** The memory that was written from. */
  readonly buffers = new Set<ArrayBufferLike>();

  get text(): string {
    return this.content.toString();
  }

  endBefore(): number {
    return 0;
  }

  async append(parts: readonly Uint8Array[]): Promise<void> {
    await this.gate.promise;
    this.content = Buffer.concat([this.content, ...parts]);
    for (const { buffer } of parts) this.buffers.add(buffer);
  }

  read(): Promise<number> {
    return Promise.resolve(0);
  }

  async cut(): Promise<void> {}
  async datasync(): Promise<void> {}
  async close(): Promise<void> {}
}
