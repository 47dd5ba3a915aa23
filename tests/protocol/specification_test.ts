/** What PROTOCOL.md shows of version 1 as bytes and numbers is what the code does. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as protocol from "../../protocol/mod.ts";
import { test } from "../lib/test.ts";
import { assertSameFrames, concat, fromHex } from "./bytes.ts";

const [page = ""] = readFileSync(new URL("../../protocol/PROTOCOL.md", import.meta.url), "utf8")
  .split("\n# The worker protocol, version 2\n");

/** One line of a hex block: bytes, and what the page says about them. */
interface Line {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly field: string;
  readonly value: string;
}

interface Block {
  readonly sender: "controller" | "worker";
  readonly lines: readonly Line[];
  readonly frame: protocol.Frame;
}

type Fields = Record<string, string>;

const session = parseBlocks(page);

test("the session on the page has an exchange of every kind", () => {
  const kinds = session.map(({ sender, lines }) => `${sender} ${lines[0]?.value} ${lines.length}`);
  assert.deepEqual(kinds, [
    "controller 0x01 4",
    "worker 0x01 4",
    "controller 0x02 7",
    "worker 0x01 3",
    "controller 0x03 6",
    "controller 0x03 5",
    "worker 0xff 4",
    "worker 0x01 6",
  ]);
});

for (const [i, { sender, lines, frame }] of session.entries()) {
  const said: Fields = Object.fromEntries(lines.map(({ field, value }) => [field, value]));

  test(`frame ${i + 1} on the page, from the ${sender}, decodes to what stands beside it`, () => {
    const decoded = sender === "controller" ? messageFields(frame) : responseFields(frame, i);
    assert.deepEqual({ input: '""', ...said }, { input: '""', ...decoded });
  });

  test(`each number in frame ${i + 1} on the page stands beside its own bytes`, () => {
    for (const { bytes, value } of lines.filter(({ value }) => /^-?\d+$/.test(value))) {
      assert.equal(littleEndian(bytes), BigInt.asUintN(8 * bytes.byteLength, BigInt(value)));
    }
  });
}

for (const sender of ["controller", "worker"]) {
  test(`what the ${sender} says on the page is one stream of whole frames`, () => {
    const blocks = session.filter((block) => block.sender === sender);
    const stream = concat(blocks.flatMap(({ lines }) => lines.map(({ bytes }) => bytes)));
    const decoder = new protocol.FrameDecoder();
    assertSameFrames(decoder.feed(stream), blocks.map(({ frame }) => frame));
    assert.equal(decoder.heldBytes, 0);
  });
}

test("each message on the page is answered once, under its id", () => {
  const ids = (sender: string) =>
    session.filter((block) => block.sender === sender).map(({ frame }) => frame.id);
  assert.deepEqual(ids("worker").toSorted(), ids("controller"));
});

test("the fields of each byte table on the page follow each other without a gap", () => {
  const tables = parseByteTables(page);
  assert.deepEqual(tables.map((rows) => rows.length), [4, 1, 1, 4, 3, 3]);
  for (const rows of tables) {
    let end = 0;
    for (const { offset, bytes } of rows) {
      assert.equal(evaluate(offset), end);
      end += evaluate(bytes);
    }
  }
});

test("the limits on the page are those of the code", () => {
  const bytesOf = (limit: string) => {
    const row = page.match(new RegExp(`^\\| ${limit} +\\| (\\d+) +\\|`, "m"));
    return Number(row?.[1]);
  };
  assert.equal(bytesOf("header"), protocol.HEADER_BYTES);
  assert.equal(bytesOf("payload, default"), protocol.PAYLOAD_BYTES_MAX_DEFAULT);
  assert.equal(bytesOf("error text, as sent"), protocol.ERROR_TEXT_BYTES_MAX);
  assert.equal(bytesOf("error text, as received"), protocol.ERROR_TEXT_RECEIVED_BYTES_MAX);
});

function parseBlocks(text: string): Block[] {
  return [...text.matchAll(/^```hex (controller|worker)\n(.+?)^```$/gms)].map((match) => {
    const lines = (match[2] ?? "").trimEnd().split("\n").map(parseLine);
    const [frame, ...others] = new protocol.FrameDecoder().feed(
      concat(lines.map(({ bytes }) => bytes)),
    );
    assert(frame && others.length === 0, "a block on the page is one whole frame");
    return { sender: match[1] as Block["sender"], lines, frame };
  });
}

function parseLine(line: string): Line {
  const match = line.match(/^([0-9a-f]{2}(?: [0-9a-f]{2})*) {4,}([a-z ]+): (.+)$/);
  const [, hex, field, value] = match ?? [];
  assert(hex && field && value, `not "bytes    field: value": ${line}`);
  return { bytes: fromHex(hex), field, value };
}

function headerFields(frame: protocol.Frame): Fields {
  return {
    type: `0x${frame.type.toString(16).padStart(2, "0")}`,
    id: String(frame.id),
    "payload length": String(frame.payload.byteLength),
  };
}

function messageFields(frame: protocol.Frame): Fields {
  const message = protocol.decodeMessage(frame);
  switch (message.type) {
    case "version":
      return { ...headerFields(frame), version: String(message.version) };
    case "core":
      return {
        ...headerFields(frame),
        "name length": String(new TextEncoder().encode(message.name).byteLength),
        name: JSON.stringify(message.name),
        "content length": String(message.content.byteLength),
        content: `${message.content.byteLength} bytes`,
      };
    case "job":
      return {
        ...headerFields(frame),
        "job id": String(message.job),
        "input length": String(message.input.byteLength),
        input: quote(message.input),
      };
  }
}

/** Does what a controller has to do: it looks up which message the response answers. */
function responseFields(frame: protocol.Frame, index: number): Fields {
  const header = headerFields(frame);
  if (frame.type === protocol.ResponseType.error) {
    return { ...header, text: JSON.stringify(protocol.decodeError(frame.payload)) };
  }
  switch (askedBy(frame, index).type) {
    case protocol.MessageType.version:
      return { ...header, accepted: protocol.decodeVersionResponse(frame.payload) ? "1" : "0" };
    case protocol.MessageType.core:
      protocol.decodeCoreResponse(frame.payload);
      return header;
    default: {
      const { exitCode, output } = protocol.decodeJobResponse(frame.payload);
      return {
        ...header,
        "exit code": String(exitCode),
        "output length": String(output.byteLength),
        output: quote(output),
      };
    }
  }
}

function askedBy(response: protocol.Frame, index: number): protocol.Frame {
  const question = session.slice(0, index).find(({ sender, frame }) =>
    sender === "controller" && frame.id === response.id
  );
  assert(question, `nothing before frame ${index + 1} asked for id ${response.id}`);
  return question.frame;
}

function parseByteTables(text: string): { offset: string; bytes: string }[][] {
  return [...text.matchAll(/^\| offset \| bytes .*\n\| -.*\n((?:\|.*\n)+)/gm)].map((table) =>
    (table[1] ?? "").trimEnd().split("\n").map((row) => {
      const [, offset = "", bytes = ""] = row.split("|");
      return { offset, bytes };
    })
  );
}

/** The value of a sum like "8 + n", with lengths that no other sum gives. */
function evaluate(sum: string): number {
  const lengths: Record<string, number> = { n: 1_000, m: 1_000_000, p: 1_000_000_000 };
  return sum.split("+").map((term) => lengths[term.trim()] ?? Number(term))
    .reduce((total, term) => total + term, 0);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
}

function quote(bytes: Uint8Array): string {
  return JSON.stringify(new TextDecoder().decode(bytes));
}
