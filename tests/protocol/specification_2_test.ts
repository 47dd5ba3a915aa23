/** The bytes, tables, kinds and limits that PROTOCOL.md gives for version 2 are those of the code. */

import assert from "node:assert/strict";
import * as protocol from "../../protocol/mod.ts";
import { test } from "../lib/test.ts";
import { assertSameFrames, concat, toHex } from "./bytes.ts";
import {
  askedBy,
  assertNoGaps,
  assertNumbersAreTheirBytes,
  type Fields,
  fieldsOf,
  headerFields,
  type Line,
  page1,
  page2 as page,
  parseBlocks,
  parseByteTables,
  quote,
  sectionOf,
  typesFrom,
  valuesBelow,
} from "./page.ts";

const { MessageType, ResponseType } = protocol;

/** Fields that the page shows as bytes, without a value. */
const OPAQUE = ["instance", "core"];

const session = parseBlocks(page);

/** The page without its line breaks. */
const prose = page.replaceAll(/\s+/g, " ");

test("the session of version 2 on the page has every message and every response that it adds, but for setups", () => {
  const { describe, choose, limitedJob, cancel, ping, coreOutput } = MessageType;
  const { ok, kindError, draining, printed } = ResponseType;
  const messages = new Set([describe, choose, limitedJob, cancel, ping, coreOutput]);
  assert.deepEqual(typesFrom(session, "controller"), messages);
  assert.deepEqual(typesFrom(session, "worker"), new Set([ok, kindError, draining, printed]));
});

for (const [i, { sender, lines, frame }] of session.entries()) {
  test(`frame ${i + 1} of version 2 on the page, from the ${sender}, decodes to what the page says beside it`, () => {
    const decoded = sender === "controller" ? messageFields(frame) : responseFields(frame, i);
    const values = lines.filter(({ field }) => !OPAQUE.includes(field));
    assert.deepEqual(decoded, { ...opaqueFields(lines), ...fieldsOf(values) });
  });

  test(`each number in frame ${i + 1} of version 2 on the page is beside its own bytes`, () => {
    assertNumbersAreTheirBytes(lines);
  });
}

for (const sender of ["controller", "worker"]) {
  test(`what the ${sender} sends in version 2 on the page is one stream of whole frames`, () => {
    const blocks = session.filter((block) => block.sender === sender);
    const stream = concat(blocks.flatMap(({ lines }) => lines.map(({ bytes }) => bytes)));
    const decoder = new protocol.FrameDecoder();
    assertSameFrames(decoder.feed(stream), blocks.map(({ frame }) => frame));
    assert.equal(decoder.heldBytes, 0);
  });
}

test("each message of version 2 on the page is answered once, and the notices answer none", () => {
  const ids = (sender: string) =>
    session.filter((block) => block.sender === sender && !isPrinted(block.frame, sender))
      .map(({ frame }) => frame.id);
  assert.deepEqual(ids("worker").toSorted(), [0, ...ids("controller").toSorted()]);
});

test("the fields of each byte table of version 2 follow each other without a gap", () => {
  const tables = parseByteTables(page);
  assert(tables.length > 0);
  tables.forEach(assertNoGaps);
});

test("each field in the byte tables of version 2 is as long as its type", () => {
  const bytesOfType: Record<string, RegExp> = {
    u8: /^1$/,
    u32: /^4$/,
    u64: /^8$/,
    string: /^8 \+ [a-z]$/,
  };
  for (const { type, bytes } of parseByteTables(page).flat()) {
    if (type !== "") assert.match(bytes.trim(), bytesOfType[type] as RegExp, type);
  }
});

test("a job with limits on the page is the limits, as long as in the code, and then a job", () => {
  const fieldsIn = (text: string, type: number) =>
    (parseByteTables(sectionOf(text, type))[0] ?? []).map((
      { bytes, type },
    ) => [type, bytes.trim()]);
  const job = fieldsIn(page1, MessageType.job);
  const limitedJob = fieldsIn(page, MessageType.limitedJob);
  const limits = limitedJob.slice(0, -job.length);
  assert.deepEqual(limitedJob.slice(-job.length), job);
  const limitsBytes = limits.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  assert.equal(limitsBytes, protocol.JOB_LIMITS_BYTES);
});

test("the messages on the page are those of the code, for each version", () => {
  const headings = /^### `(0x[0-9a-f]{2})`/gm;
  const types = [page1, page].map((half) =>
    [...half.matchAll(headings)].map(([, type]) => Number(type))
  );
  assert.deepEqual(types, [
    [MessageType.version, MessageType.core, MessageType.job],
    [
      MessageType.describe,
      MessageType.choose,
      MessageType.limitedJob,
      MessageType.cancel,
      MessageType.ping,
      MessageType.content,
      MessageType.coreOutput,
      MessageType.setup,
      MessageType.compression,
      MessageType.compressed,
      MessageType.usage,
      MessageType.state,
    ],
  ]);
  assert.deepEqual(types.flat(), Object.values<number>(MessageType));
});

test("the responses on the page are those of the code", () => {
  const rows = [...`${page1}${page}`.matchAll(/^\| `(0x[0-9a-f]{2})` \|/gm)];
  assert.deepEqual(
    rows.map(([, type]) => Number(type)).toSorted(),
    Object.values<number>(ResponseType).toSorted(),
  );
});

test("the kinds of errors on the page are those of the code, in numbers and names", () => {
  const rows = [...page.matchAll(/^\| (\d+) +\| ([a-z]{2,}) +\|/gm)];
  assert.deepEqual(
    Object.fromEntries(rows.map(([, number, name]) => [name, Number(number)])),
    protocol.FailureKind,
  );
  assert.equal(rows.length, Object.keys(protocol.FailureKind).length);
});

test("the limits of version 2 on the page are those of the code", () => {
  assert.deepEqual(valuesBelow(page, "Limits of version 2"), [
    `${protocol.PING_MS / 1000} s`,
    `${protocol.WORKER_SILENT_MS_MAX / 1000} s`,
    `${protocol.CONTROLLER_SILENT_MS_MAX / 1000} s`,
    String(protocol.UNANSWERED_JOBS_MAX),
    String(protocol.UNANSWERED_CORES_MAX),
    String(protocol.UNANSWERED_PARTS_MAX),
    String(protocol.UNANSWERED_BYTES_MAX),
    String(protocol.COMPRESSED_BYTES_MAX),
    String(protocol.COMPRESSED_BYTES_MIN),
    String(protocol.PRINTED_TEXT_BYTES_MAX),
  ]);
});

test("the rules of version 2 on the page have the same limits as its table", () => {
  const limits = [
    `${protocol.PING_MS / 1000} seconds`,
    `${protocol.WORKER_SILENT_MS_MAX / 1000} seconds`,
    `${protocol.CONTROLLER_SILENT_MS_MAX / 1000} seconds`,
    `${protocol.UNANSWERED_JOBS_MAX.toLocaleString("en")} jobs`,
    `${protocol.UNANSWERED_CORES_MAX} cores`,
    `${protocol.UNANSWERED_PARTS_MAX} parts`,
    `${protocol.UNANSWERED_BYTES_MAX / 2 ** 20} MiB`,
    `${protocol.PRINTED_TEXT_BYTES_MAX.toLocaleString("en")} bytes`,
  ];
  for (const limit of limits) assert(prose.includes(` ${limit}`), limit);
});

test("each message of version 2 on the page is answered with its own kinds of errors", () => {
  const { timeout, memory, cancelled } = protocol.FailureKind;
  assert.deepEqual(kindsIn(sectionOf(page, MessageType.limitedJob)), new Set([timeout, memory]));
  assert.deepEqual(kindsIn(sectionOf(page, MessageType.cancel)), new Set([cancelled]));
  const known = Object.values(protocol.FailureKind);
  for (const kind of kindsIn(page)) assert(known.includes(kind), `kind ${kind}`);
});

function isPrinted({ type }: protocol.Frame, sender: string): boolean {
  return sender === "worker" && type === ResponseType.printed;
}

/** The kinds of errors that a text names by their numbers. */
function kindsIn(text: string): Set<number> {
  const found = text.replaceAll(/\s+/g, " ").matchAll(/\bkind (\d+)(?: or (\d+))?/g);
  return new Set([...found].flatMap(([, ...kinds]) => kinds.filter((kind) => kind).map(Number)));
}

function opaqueFields(lines: readonly Line[]): Fields {
  const fields = OPAQUE.map((name) => {
    const bytes = lines.filter(({ field }) => field === name).map(({ bytes }) => bytes);
    return [name, toHex(concat(bytes))];
  });
  return Object.fromEntries(fields.filter(([, hex]) => hex !== ""));
}

function messageFields(frame: protocol.Frame): Fields {
  const header = headerFields(frame);
  if (frame.type === MessageType.limitedJob) return { ...header, ...limitedJobFields(frame) };
  const message = protocol.decodeMessage2(frame);
  switch (message.type) {
    case "choose":
      return { ...header, core: message.core, ...textFields("name", message.name) };
    case "coreOutput": {
      const mode = ["nothing", "failures", "all"].indexOf(message.mode);
      return { ...header, "core output": String(mode) };
    }
    case "cancel":
      return { ...header, message: String(message.message) };
    default:
      assert(message.type === "describe" || message.type === "ping");
      return header;
  }
}

function limitedJobFields(frame: protocol.Frame): Fields {
  const { attempt, limits, job } = protocol.readLimitedJob(frame.payload);
  const message = protocol.decodeMessage({ type: MessageType.job, id: frame.id, payload: job });
  assert(message.type === "job");
  return {
    attempt: String(attempt),
    "time limit": String(limits.timeMs),
    "memory limit": String(limits.memoryBytes),
    "job id": String(message.job),
    "input length": String(message.input.byteLength),
    input: quote(message.input),
  };
}

/** Like a controller, looks up which message the response answers. */
function responseFields(frame: protocol.Frame, index: number): Fields {
  const header = headerFields(frame);
  if (frame.type === ResponseType.draining) {
    assert.equal(toHex(protocol.encodeDraining()), toHex(protocol.encodeFrame(frame)));
    return header;
  }
  if (frame.type === ResponseType.printed) {
    const { isLast, leftOut, lines } = protocol.decodePrinted(frame.payload);
    return {
      ...header,
      last: isLast ? "1" : "0",
      "left out": String(leftOut),
      lines: JSON.stringify(lines.join("\n")),
    };
  }
  if (frame.type === ResponseType.kindError) {
    const { kind, text } = protocol.decodeKindError(frame.payload);
    return { ...header, kind: String(protocol.FailureKind[kind]), text: JSON.stringify(text) };
  }
  return { ...header, ...successFields(askedBy(session, frame, index).type, frame.payload) };
}

function successFields(type: number, payload: protocol.Frame["payload"]): Fields {
  switch (type) {
    case MessageType.describe:
      return descriptionFields(protocol.decodeDescription(payload));
    case MessageType.choose:
      return { loaded: protocol.decodeChooseResponse(payload) ? "1" : "0" };
    case MessageType.ping: {
      const load = protocol.decodeWorkerLoad(payload);
      return {
        "slots busy": String(load.slotsBusy),
        "jobs waiting": String(load.jobsWaiting),
        "memory free": String(load.memoryFreeBytes),
      };
    }
    default:
      assert.equal(payload.byteLength, 0);
      return {};
  }
}

function descriptionFields(worker: protocol.WorkerDescription): Fields {
  return {
    instance: worker.instance,
    slots: String(worker.slots),
    memory: String(worker.memoryBytes),
    ...textFields("platform", worker.platform),
    ...textFields("software", worker.software),
    ...textFields("machine", worker.machine),
    "kept cores": String(worker.cores.length),
    core: worker.cores.join(""),
  };
}

function textFields(name: string, text: string): Fields {
  return {
    [`${name} length`]: String(new TextEncoder().encode(text).byteLength),
    [name]: JSON.stringify(text),
  };
}
