/** Parses `--gpus`. */

import type { GpuChoice, GpuShare } from "../../system/gpus.ts";
import { UsageError } from "../program/usage_error.ts";

/** More slots on one GPU are a typing error. */
const SLOTS_MAX = 256;

/** A number, or a UUID as nvidia-smi prints it. */
const SHARE = /^(\d+|(?:GPU|MIG)-[\w/-]+)(?::(\d+))?$/;

/** Parses `all`, `0,1`, or `0:2,1` with numbers of slots. */
export function parseGpus(text: string): GpuChoice {
  const [, every, slotsOfEach = "1"] = /^(all)(?::(\d+))?$/.exec(text.trim()) ?? [];
  if (every) return { kind: "all", slots: slotsIn(slotsOfEach, text) };
  const shares = text.split(",").map((part) => shareIn(part.trim(), text));
  const devices = shares.map(({ device }) => device);
  const twice = devices.find((device, index) => devices.indexOf(device) < index);
  if (twice !== undefined) {
    throw new UsageError(`--gpus has ${twice} twice; for two slots on it, write ${twice}:2`);
  }
  return { kind: "named", shares };
}

function shareIn(part: string, text: string): GpuShare {
  const [, device, slots = "1"] = SHARE.exec(part) ?? [];
  if (device === undefined) throw wrong(text);
  const number = /^\d+$/.test(device) ? String(Number(device)) : device;
  return { device: number, slots: slotsIn(slots, text) };
}

function slotsIn(number: string, text: string): number {
  const slots = Number(number);
  if (slots >= 1 && slots <= SLOTS_MAX) return slots;
  throw new UsageError(`--gpus: a GPU has 1 to ${SLOTS_MAX} slots, not ${number}, in "${text}"`);
}

function wrong(text: string): UsageError {
  return new UsageError(
    `--gpus must be all, or a list such as 0,1 or 0:2 (two slots on GPU 0), not "${text}"`,
  );
}
