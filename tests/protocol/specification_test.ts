/** The bytes and numbers that PROTOCOL.md gives for version 1 are those of the code. */

import assert from "node:assert/strict";
import { INIT_MS_DEFAULT } from "../../controller/cluster/job_policy.ts";
import {
  CORE_LOAD_EXTRA_MS,
  HANDSHAKE_MS_MAX,
} from "../../controller/workers/connection_limits.ts";
import {
  FIRST_FRAME_MS,
  SLOW_MS,
  SLOWEST_FRAME_BYTES_PER_MS,
  STALLED_MS,
} from "../../link/unfinished_messages.ts";
import * as protocol from "../../protocol/mod.ts";
import { HALF_CLOSED_MS } from "../../worker/worker.ts";
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
  typesFrom,
  valuesBelow,
} from "./page.ts";

const session = parseBlocks(page);

test("the session on the page has every message and every response", () => {
  const { version, core, job } = protocol.MessageType;
  const { ok, error } = protocol.ResponseType;
  assert.deepEqual(typesFrom(session, "controller"), new Set([version, core, job]));
  assert.deepEqual(typesFrom(session, "worker"), new Set([ok, error]));
});

for (const [i, { sender, lines, frame }] of session.entries()) {
  const said = fieldsOf(lines);

  test(`frame ${i + 1} on the page, from the ${sender}, decodes to what the page says beside it`, () => {
    const decoded = sender === "controller" ? messageFields(frame) : responseFields(frame, i);
    assert.deepEqual({ input: '""', ...said }, { input: '""', ...decoded });
  });

  test(`each number in frame ${i + 1} on the page is beside its own bytes`, () => {
    assertNumbersAreTheirBytes(lines);
  });
}

for (const sender of ["controller", "worker"]) {
  test(`what the ${sender} sends on the page is one stream of whole frames`, () => {
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
  assert(tables.length > 0);
  tables.forEach(assertNoGaps);
});

test("the limits on the page are those of the code", () => {
  const limits = [
    protocol.HEADER_BYTES,
    protocol.PAYLOAD_BYTES_MAX_DEFAULT,
    protocol.ERROR_TEXT_BYTES_MAX,
    protocol.ERROR_TEXT_RECEIVED_BYTES_MAX,
  ];
  assert.deepEqual(valuesBelow(page, "Limits").map(Number), limits);
});

test("the deadlines on the page are those of the code", () => {
  const deadlinesMs = [
    FIRST_FRAME_MS,
    HANDSHAKE_MS_MAX,
    INIT_MS_DEFAULT + CORE_LOAD_EXTRA_MS,
    STALLED_MS,
    SLOW_MS,
    HALF_CLOSED_MS,
  ];
  assert.deepEqual(valuesBelow(page, "Deadlines"), deadlinesMs.map((ms) => `${ms / 1000} s`));
  const more = "1 s more for each 10,000 bytes";
  assert(page.includes(more) && SLOWEST_FRAME_BYTES_PER_MS === 10);
});

test("the minimal worker on the page accepts again, as a controller that is refused version 2 dials again", () => {
  const [, worker = ""] = page.match(/\n## A minimal worker\n[^]*?```text\n([^]*?)```/) ?? [];
  const [first] = worker.split("\n");
  assert.equal(first, "repeat:");
  assert.match(worker, /^ {4}connection = accept a controller$/m);
  assert.doesNotMatch(worker, /\bstop\b/);
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

/** Like a controller, looks up which message the response answers. */
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
