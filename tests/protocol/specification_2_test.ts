/** What PROTOCOL.md shows of version 2 as bytes, tables, kinds and limits is what the code does. */

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
} from "./page.ts";

const { MessageType, ResponseType } = protocol;

/** What is shown as so many bytes, and not as a value. */
const OPAQUE = ["instance", "core"];

const session = parseBlocks(page);

/** The page without its line breaks. */
const prose = page.replaceAll(/\s+/g, " ");

test("the session of version 2 on the page has an exchange of every kind", () => {
  const kinds = session.map(({ sender, lines }) => `${sender} ${lines[0]?.value} ${lines.length}`);
  assert.deepEqual(kinds, [
    "controller 0x04 3",
    "worker 0x01 15",
    "controller 0x05 7",
    "worker 0x01 4",
    "controller 0x06 9",
    "worker 0xfe 5",
    "controller 0x08 3",
    "controller 0x07 4",
    "worker 0x01 6",
    "worker 0x01 3",
    "worker 0x03 3",
  ]);
});

for (const [i, { sender, lines, frame }] of session.entries()) {
  test(`frame ${i + 1} of version 2 on the page, from the ${sender}, decodes to what stands beside it`, () => {
    const decoded = sender === "controller" ? messageFields(frame) : responseFields(frame, i);
    const values = lines.filter(({ field }) => !OPAQUE.includes(field));
    assert.deepEqual(decoded, { ...opaqueFields(lines), ...fieldsOf(values) });
  });

  test(`each number in frame ${i + 1} of version 2 on the page stands beside its own bytes`, () => {
    assertNumbersAreTheirBytes(lines);
  });
}

for (const sender of ["controller", "worker"]) {
  test(`what the ${sender} says in version 2 on the page is one stream of whole frames`, () => {
    const blocks = session.filter((block) => block.sender === sender);
    const stream = concat(blocks.flatMap(({ lines }) => lines.map(({ bytes }) => bytes)));
    const decoder = new protocol.FrameDecoder();
    assertSameFrames(decoder.feed(stream), blocks.map(({ frame }) => frame));
    assert.equal(decoder.heldBytes, 0);
  });
}

test("each message of version 2 on the page is answered once, and the notice answers none", () => {
  const ids = (sender: string) =>
    session.filter((block) => block.sender === sender).map(({ frame }) => frame.id);
  assert.deepEqual(ids("worker").toSorted(), [0, ...ids("controller").toSorted()]);
});

test("the fields of each byte table of version 2 follow each other without a gap", () => {
  const tables = parseByteTables(page);
  assert.deepEqual(tables.map((rows) => rows.length), [8, 2, 1, 6, 1, 3]);
  tables.forEach(assertNoGaps);
});

test("each field in the byte tables of version 2 is as long as its type is", () => {
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

test("what stands before a job in a job with limits is as long as the code has it", () => {
  const rows = parseByteTables(page)[3] ?? [];
  assert.equal(Number(rows[3]?.offset), protocol.JOB_LIMITS_BYTES);
  const job = parseByteTables(page1)[4]?.map(({ type, bytes }) => ({ type, bytes: bytes.trim() }));
  assert.deepEqual(rows.slice(3).map(({ type, bytes }) => ({ type, bytes: bytes.trim() })), job);
});

test("the messages on the page are those of the code, version by version", () => {
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
  assert.equal(limit("ping interval"), `${protocol.PING_MS / 1000} s`);
  assert.equal(limit("worker silent"), `${protocol.WORKER_SILENT_MS_MAX / 1000} s`);
  assert.equal(limit("controller silent"), `${protocol.CONTROLLER_SILENT_MS_MAX / 1000} s`);
  assert.equal(limit("jobs unanswered"), String(protocol.UNANSWERED_JOBS_MAX));
  assert.equal(limit("cores unanswered"), String(protocol.UNANSWERED_CORES_MAX));
  assert.equal(limit("bytes unanswered"), String(protocol.UNANSWERED_BYTES_MAX));
});

test("the rules of version 2 on the page name the same limits as its table", () => {
  for (const name of ["ping interval", "worker silent", "controller silent"]) {
    assert(prose.includes(limit(name).replace(" s", " seconds")), name);
  }
  assert(prose.includes(`${Number(limit("jobs unanswered")).toLocaleString("en")} jobs`));
  assert(prose.includes(`nor more than ${limit("cores unanswered")} cores`));
  assert(prose.includes(`${Number(limit("bytes unanswered")) / 2 ** 20} MiB of their payloads`));
});

test("the rules of version 2 on the page use the kinds by their numbers", () => {
  const { timeout, memory, cancelled, draining } = protocol.FailureKind;
  assert(
    prose.includes(
      `exceeds a limit, the worker ends the process that runs it and answers with an error of kind ${timeout} or ${memory}`,
    ),
  );
  assert(prose.includes(`must answer with an error of kind ${memory} that says so`));
  assert(
    prose.includes(`with an error of kind ${cancelled}, unless its own answer was sent before`),
  );
  assert(prose.includes(`jobs that still arrive, with an error of kind ${draining}.`));
});

function limit(name: string): string {
  const row = page.match(new RegExp(`^\\| ${name} +\\| ([^|]+?) +\\|`, "m"));
  return row?.[1] ?? `no limit "${name}"`;
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

/** Does what a controller has to do: it looks up which message the response answers. */
function responseFields(frame: protocol.Frame, index: number): Fields {
  const header = headerFields(frame);
  if (frame.type === ResponseType.draining) {
    assert.equal(toHex(protocol.encodeDraining()), toHex(protocol.encodeFrame(frame)));
    return header;
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
