/**
 * Workers that only echo, many in one process: each has one slot, and answers a job at once with its input. They show
 * what connections cost a controller, whatever workers cost.
 *
 *     echo_workers.ts HOST:PORT CONNECTIONS
 */

import process from "node:process";
import { parseAddress } from "../../link/address.ts";
import { Link } from "../../link/link.ts";
import { ReadRounds } from "../../link/read_rounds.ts";
import {
  decodeMessage2,
  encodeChooseResponse,
  encodeDescription,
  encodeDone,
  encodeVersionResponse,
  encodeWorkerLoad,
  type Frame,
  JOB_LIMITS_BYTES,
  JOB_PREFIX_BYTES,
  MessageType,
} from "../../protocol/mod.ts";
import { detectRuntime } from "../../runtime/detect.ts";

const DIAL_MS = 10_000;

/** Bytes of the id of a worker. */
const INSTANCE_BYTES = 16;

/** Where the input is in the payload of a job. A second copy of a job has limits, which are in front of it. */
const INPUT_AT: ReadonlyMap<number, number> = new Map([
  [MessageType.job, JOB_PREFIX_BYTES],
  [MessageType.limitedJob, JOB_LIMITS_BYTES + JOB_PREFIX_BYTES],
]);

const IDLE = { slotsBusy: 0, jobsWaiting: 0, slotsLoading: 0, loadingMs: 0, memoryFreeBytes: 0 };

const links: Link[] = [];
const [address = "", connections = "1"] = process.argv.slice(2);
const runtime = await detectRuntime();
const rounds = new ReadRounds(runtime.clock, () => links.length);
for (let count = 0; count < Number(connections); count++) {
  // One after the other: a controller refuses connections while too many have not introduced themselves.
  const introduced = Promise.withResolvers<void>();
  const stream = await runtime.dial(parseAddress(address), DIAL_MS);
  const link: Link = new Link(stream, {
    onFrame: (frame) => {
      onFrame(link, frame);
      if (frame.type === MessageType.describe) introduced.resolve();
    },
    onClosed: () => process.exit(0),
  }, { clock: runtime.clock, rounds });
  links.push(link);
  link.start();
  await introduced.promise;
}

function onFrame(link: Link, frame: Frame): void {
  const { type, id, payload } = frame;
  const { writer } = link;
  const inputAt = INPUT_AT.get(type);
  if (inputAt === undefined) return writer.whole(responseTo(frame));
  const output = payload.subarray(inputAt);
  writer.jobResultHead(id, 0, output.byteLength);
  writer.reserve(output.byteLength).set(output);
}

function responseTo(frame: Frame): Uint8Array<ArrayBuffer> {
  const { type, id } = decodeMessage2(frame);
  if (type === "version") return encodeVersionResponse(id, true);
  if (type === "choose") return encodeChooseResponse(id, true);
  if (type === "ping") return encodeWorkerLoad(id, IDLE);
  if (type !== "describe") return encodeDone(id);
  return encodeDescription(id, {
    instance: runtime.random.hex(INSTANCE_BYTES),
    slots: 1,
    memoryBytes: 0,
    platform: "any",
    software: "echo",
    machine: "this",
    cores: [],
  });
}
