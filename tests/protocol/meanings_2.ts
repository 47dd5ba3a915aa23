/** Encodes the meanings of the byte vectors of version 2 with the code under test, and decodes them. */

import assert from "node:assert/strict";
import * as protocol from "../../protocol/mod.ts";
import { zstdDecompress } from "../../runtime/zstd.ts";
import { encodeJobResponse, fromHex, onlyFrame, toHex, toUint64 } from "./bytes.ts";

/** The message that a successful response answers, which its bytes do not contain. */
export type Question = Success["to"];

type Success =
  | {
    type: "ok";
    to: "describe";
    id: string;
    instance_hex: string;
    slots: number;
    memory_bytes: string;
    platform: string;
    software: string;
    machine: string;
    cores_hex: string[];
    compresses?: boolean;
  }
  | { type: "ok"; to: "choose"; id: string; loaded: boolean }
  | { type: "ok"; to: "limited_job"; id: string; exit_code: number; output_hex: string }
  | {
    type: "ok";
    to: "job_with_usage";
    id: string;
    usage: UsageMeaning;
    exit_code: number;
    output_hex: string;
  }
  | { type: "ok"; to: "cancel"; id: string }
  | {
    type: "ok";
    to: "ping";
    id: string;
    slots_busy: number;
    jobs_waiting: string;
    memory_free_bytes: string;
    slots_loading?: number;
    loading_ms?: string;
  };

interface UsageMeaning {
  start_us: string;
  run_us: string;
  cpu_us: string;
  memory_bytes: string;
  slot: number;
}

interface LimitedJob {
  type: "limited_job";
  id: string;
  attempt: number;
  time_ms: string;
  memory_bytes: string;
  job: string;
  input_hex: string;
}

interface SetupMeaning {
  type: "setup";
  id: string;
  core_hex: string;
  name: string;
  path: string;
  files: { path: string; digest_hex: string; bytes: string }[];
  variables: [string, string][];
  init_ms: string;
}

type MessageMeaning =
  | { type: "version"; id: string; version: number }
  | { type: "describe"; id: string }
  | { type: "choose"; id: string; core_hex: string; name: string; init_ms?: string }
  | SetupMeaning
  | {
    type: "content";
    id: string;
    digest_hex: string;
    bytes: string;
    offset: string;
    part_hex: string;
  }
  | LimitedJob
  | { type: "cancel"; id: string; message: string }
  | { type: "ping"; id: string }
  | { type: "state"; id: string }
  | { type: "core_output"; id: string; mode: protocol.CoreOutputMode }
  | { type: "usage"; id: string; is_wanted: boolean }
  | { type: "compression"; id: string; compresses: boolean };

type OtherResponse =
  | { type: "draining"; id: string }
  | { type: "error"; id: string; message: string }
  | { type: "kind_error"; id: string; kind: protocol.FailureKindName; message: string }
  | {
    type: "error_with_usage";
    id: string;
    usage: UsageMeaning;
    kind: protocol.FailureKindName;
    message: string;
  }
  | { type: "printed"; id: string; is_last: boolean; left_out: number; lines: string[] }
  | { type: "arrival_rate"; id: string; bytes_per_ms: string };

/** Either side sends it. */
interface Compressed {
  type: "compressed";
  id: string;
  bytes_hex: string;
}

/** What a vector means. Numbers of 64 bits are decimal strings. */
export type Meaning = Compressed | MessageMeaning | OtherResponse | Success;

type Bytes = Uint8Array<ArrayBuffer>;

export function encode(meaning: Meaning): Bytes {
  const id = uint64(meaning.id);
  switch (meaning.type) {
    case "version":
      return protocol.encodeVersion(id, meaning.version);
    case "describe":
      return protocol.encodeDescribe(id);
    case "choose":
      return protocol.encodeChoose(
        id,
        meaning.core_hex,
        meaning.name,
        Number(meaning.init_ms ?? 0),
      );
    case "setup":
      return protocol.encodeSetup(id, setupOf(meaning), meaning.name, Number(meaning.init_ms));
    case "content":
      return protocol.encodeContent(id, {
        digest: meaning.digest_hex,
        bytes: Number(meaning.bytes),
        offset: Number(meaning.offset),
        part: fromHex(meaning.part_hex),
      });
    case "limited_job":
      return encodeLimitedJob(meaning);
    case "cancel":
      return protocol.encodeCancel(id, uint64(meaning.message));
    case "ping":
      return protocol.encodePing(id);
    case "state":
      return protocol.encodeStateQuestion(id);
    case "core_output":
      return protocol.encodeCoreOutput(id, meaning.mode);
    case "usage":
      return protocol.encodeUsageRequest(id, meaning.is_wanted);
    case "compression":
      return protocol.encodeCompression(id, meaning.compresses);
    case "compressed":
      return protocol.encodeCompressed(fromHex(meaning.bytes_hex), undefined);
    default:
      return meaning.type === "ok" ? encodeSuccess(id, meaning) : encodeOther(id, meaning);
  }
}

function setupOf({ core_hex, path, files, variables }: SetupMeaning): protocol.CoreSetup {
  const fileOf = ({ path, digest_hex, bytes }: SetupMeaning["files"][number]) => {
    return { path, digest: digest_hex, bytes: Number(bytes) };
  };
  return { core: core_hex, path, files: files.map(fileOf), variables };
}

function meaningOfSetup(
  id: string,
  { setup, name, initMs }: Extract<protocol.Message2, { type: "setup" }>,
): Meaning {
  const { core, path, files, variables } = setup;
  return {
    type: "setup",
    id,
    core_hex: core,
    name,
    path,
    files: files.map((file) => ({
      path: file.path,
      digest_hex: file.digest,
      bytes: String(file.bytes),
    })),
    variables: variables.map(([name, value]) => [name, value]),
    init_ms: String(initMs),
  };
}

/** Only a writer encodes jobs with limits. */
function encodeLimitedJob(meaning: LimitedJob): Bytes {
  const writer = new protocol.FrameWriter();
  const limits = { timeMs: Number(meaning.time_ms), memoryBytes: Number(meaning.memory_bytes) };
  const input = fromHex(meaning.input_hex);
  writer.limitedJob(uint64(meaning.id), meaning.attempt, limits, uint64(meaning.job), input);
  const piece = writer.take();
  assert(piece);
  assert.equal(writer.take(), undefined);
  return piece;
}

function encodeOther(id: protocol.Uint64, meaning: OtherResponse): Bytes {
  switch (meaning.type) {
    case "draining":
      return protocol.encodeDraining();
    case "error":
      return protocol.encodeError(id, meaning.message);
    case "kind_error":
      return protocol.encodeKindError(id, meaning.kind, meaning.message);
    case "error_with_usage": {
      const usage = protocol.encodeUsage(usageOf(meaning.usage));
      return protocol.encodeKindError(id, meaning.kind, meaning.message, usage);
    }
    case "printed":
      return protocol.encodePrinted(id, {
        isLast: meaning.is_last,
        leftOut: meaning.left_out,
        lines: meaning.lines,
      });
    case "arrival_rate":
      return protocol.encodeArrivalRate(Number(meaning.bytes_per_ms));
  }
}

function encodeSuccess(id: protocol.Uint64, meaning: Success): Bytes {
  switch (meaning.to) {
    case "describe":
      return protocol.encodeDescription(id, {
        instance: meaning.instance_hex,
        slots: meaning.slots,
        memoryBytes: Number(meaning.memory_bytes),
        platform: meaning.platform,
        software: meaning.software,
        machine: meaning.machine,
        cores: meaning.cores_hex,
        ...(meaning.compresses && { compresses: true }),
      });
    case "choose":
      return protocol.encodeChooseResponse(id, meaning.loaded);
    case "limited_job":
      return encodeJobResponse(id, {
        exitCode: meaning.exit_code,
        output: fromHex(meaning.output_hex),
      });
    case "job_with_usage":
      return encodeResultWithUsage(id, meaning);
    case "cancel":
      return protocol.encodeDone(id);
    case "ping":
      return protocol.encodeWorkerLoad(id, {
        slotsBusy: meaning.slots_busy,
        jobsWaiting: Number(meaning.jobs_waiting),
        memoryFreeBytes: Number(meaning.memory_free_bytes),
        slotsLoading: meaning.slots_loading ?? 0,
        loadingMs: Number(meaning.loading_ms ?? 0),
      });
  }
}

/** The meaning of a frame: a message, the response to a known message, or a response whose type says what it is. */
export function meaningOf(frame: protocol.Frame, what: Question | "message" | "error"): Meaning {
  if (what === "message") return meaningOfMessage(frame);
  if (what === "error") return meaningOfOther(frame);
  const { ok, okWithUsage } = protocol.ResponseType;
  assert.equal(frame.type, what === "job_with_usage" ? okWithUsage : ok);
  return meaningOfSuccess(String(frame.id), what, frame.payload);
}

function meaningOfMessage(frame: protocol.Frame): Meaning {
  const id = String(frame.id);
  if (frame.type === protocol.MessageType.limitedJob) return meaningOfLimitedJob(id, frame.payload);
  if (frame.type === protocol.MessageType.compressed) return meaningOfCompressed(frame);
  const message = protocol.decodeMessage2(frame);
  switch (message.type) {
    case "choose":
      return {
        type: "choose",
        id,
        core_hex: message.core,
        name: message.name,
        ...(message.initMs > 0 && { init_ms: String(message.initMs) }),
      };
    case "cancel":
      return { type: "cancel", id, message: String(message.message) };
    case "setup":
      return meaningOfSetup(id, message);
    case "content": {
      const { digest, bytes, offset, part } = message.content;
      return {
        type: "content",
        id,
        digest_hex: digest,
        bytes: String(bytes),
        offset: String(offset),
        part_hex: toHex(part),
      };
    }
    case "usage":
      return { type: "usage", id, is_wanted: message.isWanted };
    case "coreOutput":
      return { type: "core_output", id, mode: message.mode };
    case "core":
    case "job":
      return assert.fail("version 2 adds no such message");
    default:
      return { ...message, id };
  }
}

function meaningOfLimitedJob(id: string, payload: Bytes): Meaning {
  const { attempt, limits, job } = protocol.readLimitedJob(payload);
  const frame = onlyFrame(
    protocol.encodeFrame({ type: protocol.MessageType.job, id: 0, payload: job }),
  );
  const message = protocol.decodeMessage(frame);
  assert(message.type === "job");
  return {
    type: "limited_job",
    id,
    attempt,
    time_ms: String(BigInt(limits.timeMs)),
    memory_bytes: String(BigInt(limits.memoryBytes)),
    job: String(message.job),
    input_hex: toHex(message.input),
  };
}

function meaningOfCompressed(frame: protocol.Frame): Meaning {
  const bytes = protocol.decodeCompressed(frame, zstdDecompress);
  return { type: "compressed", id: String(frame.id), bytes_hex: toHex(bytes) };
}

function meaningOfOther(frame: protocol.Frame): Meaning {
  const { type, id, payload } = frame;
  switch (type) {
    case protocol.ResponseType.compressed:
      return meaningOfCompressed(frame);
    case protocol.ResponseType.arrivalRate:
      return {
        type: "arrival_rate",
        id: String(id),
        bytes_per_ms: String(protocol.decodeArrivalRate(payload)),
      };
    case protocol.ResponseType.draining:
      assert.equal(payload.byteLength, 0);
      return { type: "draining", id: String(id) };
    case protocol.ResponseType.printed: {
      const { isLast, leftOut, lines } = protocol.decodePrinted(payload);
      return {
        type: "printed",
        id: String(id),
        is_last: isLast,
        left_out: leftOut,
        lines: [...lines],
      };
    }
    case protocol.ResponseType.error:
      return { type: "error", id: String(id), message: protocol.decodeError(payload) };
    case protocol.ResponseType.errorWithUsage: {
      const { kind, text } = protocol.decodeKindError(protocol.withoutUsage(frame).payload);
      const usage = meaningOfUsage(payload);
      return { type: "error_with_usage", id: String(id), usage, kind, message: text };
    }
    default: {
      assert.equal(type, protocol.ResponseType.kindError);
      const { kind, text } = protocol.decodeKindError(payload);
      return { type: "kind_error", id: String(id), kind, message: text };
    }
  }
}

function meaningOfSuccess(id: string, to: Question, payload: Bytes): Meaning {
  switch (to) {
    case "describe":
      return meaningOfDescription(id, protocol.decodeDescription(payload));
    case "choose":
      return { type: "ok", to, id, loaded: protocol.decodeChooseResponse(payload) };
    case "limited_job": {
      const { exitCode, output } = protocol.decodeJobResponse(payload);
      return { type: "ok", to, id, exit_code: exitCode, output_hex: toHex(output) };
    }
    case "job_with_usage": {
      const usage = meaningOfUsage(payload);
      const { exitCode, output } = protocol.decodeJobResponse(payload, protocol.USAGE_BYTES);
      return { type: "ok", to, id, usage, exit_code: exitCode, output_hex: toHex(output) };
    }
    case "cancel":
      protocol.decodeCoreResponse(payload);
      return { type: "ok", to, id };
    case "ping": {
      const load = protocol.decodeWorkerLoad(payload);
      return {
        type: "ok",
        to,
        id,
        slots_busy: load.slotsBusy,
        jobs_waiting: String(BigInt(load.jobsWaiting)),
        memory_free_bytes: String(BigInt(load.memoryFreeBytes)),
        ...(load.slotsLoading > 0 &&
          { slots_loading: load.slotsLoading, loading_ms: String(load.loadingMs) }),
      };
    }
  }
}

function meaningOfUsage(payload: Bytes): UsageMeaning {
  const { startUs, runUs, cpuUs, memoryBytes, slot } = protocol.readUsage(payload);
  return {
    start_us: String(startUs),
    run_us: String(runUs),
    cpu_us: String(cpuUs),
    memory_bytes: String(memoryBytes),
    slot,
  };
}

function usageOf({ start_us, run_us, cpu_us, memory_bytes, slot }: UsageMeaning) {
  return {
    startUs: Number(start_us),
    runUs: Number(run_us),
    cpuUs: Number(cpu_us),
    memoryBytes: Number(memory_bytes),
    slot,
  };
}

/** Only a writer encodes results with a usage. */
function encodeResultWithUsage(
  id: protocol.Uint64,
  meaning: Extract<Success, { to: "job_with_usage" }>,
): Bytes {
  const writer = new protocol.FrameWriter();
  const output = fromHex(meaning.output_hex);
  const usage = usageOf(meaning.usage);
  writer.usageResultHead(id, usage, meaning.exit_code, output.byteLength);
  writer.reserve(output.byteLength).set(output);
  const piece = writer.take();
  assert(piece);
  return piece.slice();
}

function meaningOfDescription(id: string, worker: protocol.WorkerDescription): Meaning {
  return {
    type: "ok",
    to: "describe",
    id,
    instance_hex: worker.instance,
    slots: worker.slots,
    memory_bytes: String(BigInt(worker.memoryBytes)),
    platform: worker.platform,
    software: worker.software,
    machine: worker.machine,
    cores_hex: [...worker.cores],
    ...(worker.compresses && { compresses: true }),
  };
}

/** The meaning after its limits were converted to a double, the nearest one. */
export function throughDoubles(meaning: Meaning): Meaning {
  if (meaning.type !== "limited_job") return meaning;
  const nearest = (decimal: string) => String(BigInt(Number(decimal)));
  return {
    ...meaning,
    time_ms: nearest(meaning.time_ms),
    memory_bytes: nearest(meaning.memory_bytes),
  };
}

function uint64(decimal: string): protocol.Uint64 {
  return toUint64(BigInt(decimal));
}
