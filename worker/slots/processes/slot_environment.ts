/** What the process of a slot is started with: its variables, and its share of the machine. */

import { resolve } from "node:path";
import { formatCpuList } from "../../../system/cpu_list.ts";

/** What the slots of a worker get of its machine. */
export interface MachineShares {
  readonly slots: number;
  /** How many threads the libraries in a core should use. */
  readonly threads: number;
  /** Whether the user has set `threads`. Then it overrides variables that are already set in the environment. */
  readonly areThreadsChosen: boolean;
  /** The CPUs that each slot is bound to. */
  readonly cpus?: readonly (readonly number[])[] | undefined;
  /** The GPU of each slot. */
  readonly devices?: readonly string[] | undefined;
}

/** A share of the whole machine, for one slot. */
export const ONE_SLOT: MachineShares = { slots: 1, threads: 1, areThreadsChosen: false };

type Environment = Readonly<Record<string, string | undefined>>;

/** OpenMP's variable for its threads. */
const OPENMP_THREADS = "OMP_NUM_THREADS";

/** Variables that count only where OpenMP's own is not set: whoever has set that one means these too. */
const AFTER_OPENMP = [
  "OMP_THREAD_LIMIT",
  "OPENBLAS_NUM_THREADS",
  "GOTO_NUM_THREADS",
  "MKL_NUM_THREADS",
  "BLIS_NUM_THREADS",
  "NUMEXPR_NUM_THREADS",
];

/** Variables for which languages and libraries look when they decide how many threads to start. */
const OTHER_THREADS = [
  "VECLIB_MAXIMUM_THREADS",
  "NUMEXPR_MAX_THREADS",
  "NUMBA_NUM_THREADS",
  "RAYON_NUM_THREADS",
  "POLARS_MAX_THREADS",
  "GOMAXPROCS",
  "JULIA_NUM_THREADS",
  "TBB_NUM_THREADS",
  "TF_NUM_INTRAOP_THREADS",
  "TF_NUM_INTEROP_THREADS",
  "VIPS_CONCURRENCY",
  "MAGICK_THREAD_LIMIT",
  "OPENCV_FOR_THREADS_NUM",
];

/** Variables with the folder for temporary files. Most programs look for the first one first. */
const FOLDERS = ["TMPDIR", "TMP", "TEMP"];

/** Variables in which the system's loader looks for libraries. */
const PRELOAD = "LD_PRELOAD";
const LIBRARY_PATHS = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", PRELOAD];

/** The loader separates the entries of such a list at any of these characters. */
const LIST_SEPARATOR = /[:; ]/;

/** A process sees only the devices in these variables. */
const CUDA_DEVICES = "CUDA_VISIBLE_DEVICES";
const ROCM_DEVICES = "HIP_VISIBLE_DEVICES";
const ONEAPI_DEVICES = "ZE_AFFINITY_MASK";

/** What the variables of a slot's process depend on. */
export interface SlotEnvironment {
  readonly shares: MachineShares;
  /** Which slot it is, counted from 0. */
  readonly slot: number;
  /** Its working folder. */
  readonly folder: string;
  /** The variables of its worker, which it inherits. */
  readonly inherited: Environment;
  /** The working folder of its worker, where relative paths in these variables begin. */
  readonly startedIn: string;
}

/** The variables that a process gets in addition to those that it inherits, or instead of them. */
export function slotVariables(environment: SlotEnvironment): Record<string, string> {
  const { shares, slot, folder, inherited, startedIn } = environment;
  return {
    ...entries(FOLDERS, folder),
    DISTCOMP_SLOT: String(slot),
    DISTCOMP_SLOTS: String(shares.slots),
    ...threadVariables(shares, inherited),
    ...deviceVariables(shares.devices?.[slot], inherited),
    ...libraryPaths(inherited, startedIn),
  };
}

/** The CPUs that a slot is bound to, as Linux writes them; `undefined` if it is not bound. */
export function boundCpus({ cpus }: MachineShares, slot: number): string | undefined {
  const own = cpus?.[slot];
  return own && formatCpuList(own);
}

function threadVariables(
  { threads, areThreadsChosen }: MachineShares,
  inherited: Environment,
): Record<string, string> {
  const isSet = (name: string) => !areThreadsChosen && inherited[name] !== undefined;
  const openMp = isSet(OPENMP_THREADS) ? [] : [OPENMP_THREADS, ...AFTER_OPENMP];
  return entries([...openMp, ...OTHER_THREADS].filter((name) => !isSet(name)), String(threads));
}

function deviceVariables(
  device: string | undefined,
  inherited: Environment,
): Record<string, string> {
  if (device === undefined) return {};
  return {
    ...entries(deviceNames(device), device),
    // CUDA counts the fastest device first unless told otherwise, nvidia-smi does not.
    ...inherited["CUDA_DEVICE_ORDER"] === undefined && { CUDA_DEVICE_ORDER: "PCI_BUS_ID" },
  };
}

/** Lists of folders and libraries with absolute paths: a slot looks from a folder of its own. */
function libraryPaths(inherited: Environment, startedIn: string): Record<string, string> {
  const paths = LIBRARY_PATHS.flatMap((name) => {
    const list = inherited[name];
    // A name without a slash in LD_PRELOAD is not a path.
    const isRelative = (path: string) =>
      path !== "" && !path.startsWith("/") && !path.startsWith("$") &&
      (name !== PRELOAD || path.includes("/"));
    if (!list?.split(LIST_SEPARATOR).some(isRelative)) return [];
    const absolute = (path: string) => isRelative(path) ? resolve(startedIn, path) : path;
    return [[name, list.split(LIST_SEPARATOR).map(absolute).join(":")]];
  });
  return Object.fromEntries(paths);
}

/** The variables for a device: numbers may be those of any maker. */
function deviceNames(device: string): string[] {
  if (/^\d+$/.test(device)) return [CUDA_DEVICES, ROCM_DEVICES, ONEAPI_DEVICES];
  return /^\d/.test(device) ? [ONEAPI_DEVICES] : [CUDA_DEVICES]; // a part of a device, or a UUID
}

function entries(names: readonly string[], value: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, value]));
}
