/** What this process has used so far, and the clock of the machine: for a slot, which measures each of its jobs. */

import { CLOCK_GETTIME, O_CLOEXEC } from "./c_declarations.ts";
import type { CFunction, CLibrary, ForeignMemory } from "./c_functions.ts";
import { platform } from "../this_process.ts";

/** What this process has used. Each call takes less than a microsecond, except for the memory. */
export interface ProcessUsage {
  /** The time on the monotonic clock of the machine, the same for all its processes, in microseconds. */
  nowUs(): number;
  /** The CPU time of all threads of this process, in microseconds. */
  cpuUs(): number;
  /**
   * The most memory that this process had since the last call, or in its life where the system does not forget that; 0
   * if the system does not say. Takes about 10 microseconds.
   */
  takePeakBytes(): number;
}

const IS_MACOS = platform === "darwin";
const CLOCK_MONOTONIC = IS_MACOS ? 6 : 1;
const CLOCK_PROCESS_CPUTIME_ID = IS_MACOS ? 12 : 2;

const O_WRONLY = 1;

/** What makes the system forget the peak of a process's memory, written to its `clear_refs`. */
const FORGET_PEAK = Uint8Array.of("5".charCodeAt(0));

/** Room for the whole of `/proc/self/status`, whose lists of CPUs may be long. */
const STATUS_BYTES_MAX = 16 * 1024;

/** Declares what reads a clock. */
export const CLOCK_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  clock_gettime: CLOCK_GETTIME,
};

type ClockLibrary = Pick<CLibrary<unknown, unknown>, "clock_gettime">;

/** Reads clocks of the system, in microseconds. */
class SystemClocks {
  readonly #libc: ClockLibrary;
  /** A `struct timespec`: seconds and nanoseconds, 8 bytes each. */
  readonly #time = new Uint32Array(4);
  readonly #timeBytes = new Uint8Array(this.#time.buffer);

  constructor(libc: ClockLibrary) {
    this.#libc = libc;
  }

  read(clock: number): number {
    this.#libc.clock_gettime(clock, this.#timeBytes);
    const time = this.#time; // without destructuring, which takes as long as the call
    const seconds = (time[1] as number) * 2 ** 32 + (time[0] as number);
    return seconds * 1e6 + (time[2] as number) / 1000;
  }
}

/**
 * The monotonic clock of the machine in microseconds, the same for all its processes. Opens the library when it is first
 * read.
 */
export function machineClock(open: () => ClockLibrary): () => number {
  let clocks: SystemClocks | undefined;
  return () => (clocks ??= new SystemClocks(open())).read(CLOCK_MONOTONIC);
}

type Library<Size> = Pick<CLibrary<unknown, Size>, "clock_gettime" | "open" | "pread" | "write">;

/** See `ProcessUsage`. */
export class LibcUsage<Size> implements ProcessUsage {
  readonly #libc: Library<Size>;
  readonly #size: ForeignMemory<unknown, Size>["size"];
  readonly #clocks: SystemClocks;
  readonly #status = new Uint8Array(STATUS_BYTES_MAX);
  /** Files of the system about this process; negative where there are none. Opened when they are needed. */
  #statusFd: number | undefined;
  #forgetFd = -1;

  constructor(libc: Library<Size>, size: ForeignMemory<unknown, Size>["size"]) {
    this.#libc = libc;
    this.#size = size;
    this.#clocks = new SystemClocks(libc);
  }

  nowUs(): number {
    return this.#clocks.read(CLOCK_MONOTONIC);
  }

  cpuUs(): number {
    return this.#clocks.read(CLOCK_PROCESS_CPUTIME_ID);
  }

  takePeakBytes(): number {
    const fd = this.#statusFd ??= this.#open();
    if (fd < 0) return 0;
    const { pread, write } = this.#libc;
    const zero = this.#size(0);
    const bytes = pread?.(fd, this.#status, this.#size(STATUS_BYTES_MAX), zero) ?? 0;
    if (this.#forgetFd >= 0) write(this.#forgetFd, FORGET_PEAK, this.#size(1));
    return bytes > 0 ? peakIn(this.#status, bytes) : 0;
  }

  #open(): number {
    if (platform !== "linux") return -1;
    this.#forgetFd = this.#libc.open(pathOf("clear_refs"), O_WRONLY | O_CLOEXEC);
    return this.#libc.open(pathOf("status"), O_CLOEXEC);
  }
}

const PEAK_LABEL = Uint8Array.from("\nVmHWM:", (character) => character.charCodeAt(0));
const ZERO = "0".charCodeAt(0);
const LINE_FEED = "\n".charCodeAt(0);

/**
 * The number of kilobytes behind `VmHWM:`, in bytes; 0 if it is not there. It is read as it stands there: to make a
 * text of it all would cost a slot a tenth of its own time for jobs of a megabyte.
 */
export function peakIn(status: Uint8Array, bytes: number): number {
  for (let at = status.indexOf(LINE_FEED); at >= 0 && at < bytes;) {
    if (PEAK_LABEL.every((byte, index) => status[at + index] === byte)) {
      return 1024 * numberIn(status, at + PEAK_LABEL.byteLength, bytes);
    }
    at = status.indexOf(LINE_FEED, at + 1);
  }
  return 0;
}

/** The number in the line at `at`. What is not a digit is left out. */
function numberIn(text: Uint8Array, at: number, end: number): number {
  let number = 0;
  for (let byte = text[at]; at < end && byte !== LINE_FEED; byte = text[++at]) {
    const digit = (byte as number) - ZERO;
    if (digit >= 0 && digit <= 9) number = 10 * number + digit;
  }
  return number;
}

function pathOf(name: string): Uint8Array {
  return new TextEncoder().encode(`/proc/self/${name}\0`);
}
