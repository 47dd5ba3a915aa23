/** What PROTOCOL.md shows of version 1 as bytes and numbers is what the code does. */

import assert from "node:assert/strict";
import * as protocol from "../../protocol/mod.ts";
import { test } from "../lib/test.ts";
import { assertSameFrames, concat } from "./bytes.ts";
import {
  askedBy,
  assertNoGaps,
  assertNumbersAreTheirBytes,
  type Fields,
  fieldsOf,
  headerFields,
  page1 as page,
  parseBlocks,
  parseByteTables,
  quote,
} from "./page.ts";

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
  const said = fieldsOf(lines);

  test(`frame ${i + 1} on the page, from the ${sender}, decodes to what stands beside it`, () => {
    const decoded = sender === "controller" ? messageFields(frame) : responseFields(frame, i);
    assert.deepEqual({ input: '""', ...said }, { input: '""', ...decoded });
  });

  test(`each number in frame ${i + 1} on the page stands beside its own bytes`, () => {
    assertNumbersAreTheirBytes(lines);
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
  tables.forEach(assertNoGaps);
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
  switch (askedBy(session, frame, index).type) {
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
