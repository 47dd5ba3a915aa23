/** The variables of slots. */

import assert from "node:assert/strict";
import {
  boundCpus,
  type MachineShares,
  slotVariables,
} from "../../../worker/slots/processes/slot_environment.ts";
import { sharesOf } from "../../../worker/slots/machine_shares.ts";
import { test } from "../../lib/test.ts";
import { allowing, systemOf } from "../../lib/made_up_system.ts";

const SHARES: MachineShares = { slots: 4, threads: 2, areThreadsChosen: false };
const LISTED = [
  "OMP_NUM_THREADS",
  "OMP_THREAD_LIMIT",
  "OPENBLAS_NUM_THREADS",
  "MKL_NUM_THREADS",
  "BLIS_NUM_THREADS",
  "NUMEXPR_NUM_THREADS",
  "VECLIB_MAXIMUM_THREADS",
  "RAYON_NUM_THREADS",
  "GOMAXPROCS",
  "JULIA_NUM_THREADS",
  "TBB_NUM_THREADS",
];

/** The variables of a slot whose worker was started in `/home`. */
function variablesOf(
  shares: MachineShares,
  slot: number,
  inherited: Readonly<Record<string, string>>,
): Record<string, string> {
  return slotVariables({ shares, slot, folder: "/work", inherited, startedIn: "/home" });
}

test("a slot has its folder, its number and its number of threads", () => {
  const variables = variablesOf(SHARES, 3, { HOME: "/home" });
  assert.equal(variables["TMPDIR"], "/work");
  assert.deepEqual([variables["DISTCOMP_SLOT"], variables["DISTCOMP_SLOTS"]], ["3", "4"]);
  assert.deepEqual(LISTED.map((name) => variables[name]), LISTED.map(() => "2"));
  assert.equal(variables["HOME"], undefined, "it is inherited");
  assert.equal(variables["CUDA_VISIBLE_DEVICES"], undefined);
});

test("numbers of threads that the user has set stay, unless --threads says otherwise", () => {
  const set = { GOMAXPROCS: "7", MKL_NUM_THREADS: "" };
  const kept = variablesOf(SHARES, 0, set);
  assert.deepEqual([kept["GOMAXPROCS"], kept["MKL_NUM_THREADS"]], [undefined, undefined]);
  assert.equal(kept["OMP_NUM_THREADS"], "2");
  const chosen = variablesOf({ ...SHARES, areThreadsChosen: true }, 0, set);
  assert.deepEqual([chosen["GOMAXPROCS"], chosen["MKL_NUM_THREADS"]], ["2", "2"]);
});

test("a user who sets OMP_NUM_THREADS means the libraries that look at it too", () => {
  const variables = variablesOf(SHARES, 0, { OMP_NUM_THREADS: "8" });
  const names = ["OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"];
  assert.deepEqual(names.map((name) => variables[name]), names.map(() => undefined));
  assert.equal(variables["RAYON_NUM_THREADS"], "2");
});

test("a slot sees only its own GPU", () => {
  const shares = { ...SHARES, slots: 3, devices: ["0", "5", "MIG-12ab"] };
  const devices = ["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"];
  const of = (slot: number) => {
    const variables = variablesOf(shares, slot, {});
    return devices.map((name) => variables[name]);
  };
  assert.deepEqual([of(0), of(1)], [["0", "0", "0"], ["5", "5", "5"]]);
  assert.deepEqual(of(2), ["MIG-12ab", undefined, undefined]);
  const order = (inherited: Record<string, string>) =>
    variablesOf(shares, 0, inherited)["CUDA_DEVICE_ORDER"];
  assert.equal(order({}), "PCI_BUS_ID");
  assert.equal(order({ CUDA_DEVICE_ORDER: "FASTEST_FIRST" }), undefined);
});

test("threads are the usable CPUs divided by the slots, at least one, or the chosen number", () => {
  const system = systemOf(allowing("0-15"));
  const threads = (slots: number, chosen?: number) =>
    sharesOf({ slots, threads: chosen }, system).threads;
  assert.deepEqual([1, 2, 5, 16, 64].map((slots) => threads(slots)), [16, 8, 3, 1, 1]);
  assert.equal(threads(4, 9), 9);
});

test("slots are bound only if that is asked for, and where the system can", () => {
  const system = systemOf(allowing("0-3"));
  assert.equal(boundCpus(sharesOf({ slots: 2 }, system), 0), undefined);
  assert.equal(boundCpus(sharesOf({ slots: 2, pin: true }, system), 1), "2-3");
  assert.throws(() => sharesOf({ slots: 2, pin: true }, systemOf({})), /only Linux can.*--pin/);
});

test("each slot has to have a device, if any has one", () => {
  assert.throws(() => sharesOf({ slots: 2, devices: ["0"] }), /2 slots .* 1 devices/);
});

test("relative paths of libraries lead from where the worker was started", () => {
  const inherited = {
    LD_LIBRARY_PATH: "lib:/opt/lib::./more:$ORIGIN/x",
    DYLD_LIBRARY_PATH: "/opt/lib:",
    LD_PRELOAD: "libasan.so ./mine.so",
  };
  const variables = variablesOf(SHARES, 0, inherited);
  assert.equal(variables["LD_LIBRARY_PATH"], "/home/lib:/opt/lib::/home/more:$ORIGIN/x");
  assert.equal(variables["DYLD_LIBRARY_PATH"], undefined, "it stays as it is");
  assert.equal(variables["LD_PRELOAD"], "libasan.so:/home/mine.so");
});
