/**
 * Inspects a core without loading it: whether it is a shared library, for which machine it is built, and whether
 * it has the functions of the compute core API. Pure functions of the file's bytes.
 */

import { bytesIfCutOff, isProgram, missingNames } from "./elf.ts";
import { elfMachine, isKnownMachine, machOMachine, peMachine } from "./machine_names.ts";

/** The functions that a compute core must have. */
export const CORE_FUNCTIONS = ["worker_init", "worker_run_job", "worker_free_outdata"] as const;

/** What the content of a file shows. */
export type CoreFacts =
  | { readonly kind: "not a library"; readonly looksLike: string }
  | {
    readonly kind: "library";
    readonly format: "ELF" | "Mach-O" | "PE";
    /** As `uname -m` prints it, or `machine258` for an unknown one; `undefined` if it is for several kinds of machines. */
    readonly machine: string | undefined;
    /** The missing functions; empty if its symbols cannot be read. */
    readonly missing: readonly string[];
  };

const ELF_MAGIC = 0x7f454c46;
const MACH_O_64_MAGIC = 0xcffaedfe;
const MACH_O_FAT_MAGIC = 0xcafebabe;
const PE_MAGIC = 0x4d5a;

/** What a static library begins with. */
const ARCHIVE_START = new TextEncoder().encode("!<arch>\n");

/** The type of an ELF object file, which is not linked yet. */
const ET_REL = 1;

/** Where an ELF file says for which bits, byte order and system it is. */
const ELF_CLASS_AT = 4;
const ELF_DATA_AT = 5;
const ELF_OS_ABI_AT = 7;

/** The sizes of the header of 32-bit and of 64-bit ELF files. */
const ELF_HEADER_BYTES = [52, 64] as const;

/** The systems that glibc's loader takes a library for: System V, which says nothing, and GNU. */
const OS_ABIS_OF_LINUX: readonly number[] = [0, 3];
const OTHER_OS_ABIS: Readonly<Record<number, string>> = {
  2: "NetBSD",
  6: "Solaris",
  9: "FreeBSD",
  12: "OpenBSD",
};

/** Inspects a file's content. Never throws, whatever the bytes are. */
export function inspectCore(content: Uint8Array): CoreFacts {
  if (content.byteLength === 0) return { kind: "not a library", looksLike: "it is empty" };
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const magic = content.byteLength < 20 ? 0 : view.getUint32(0);
  if (magic === ELF_MAGIC) return elfFacts(content, view);
  if (magic === MACH_O_64_MAGIC) {
    return library("Mach-O", machOMachine(view.getUint32(4, true)));
  }
  if (magic === MACH_O_FAT_MAGIC) return library("Mach-O", undefined);
  if (magic >>> 16 === PE_MAGIC) return peFacts(content, view);
  return { kind: "not a library", looksLike: describe(content) };
}

function elfFacts(content: Uint8Array, view: DataView): CoreFacts {
  const problem = elfHeaderProblem(content);
  if (problem !== undefined) return { kind: "not a library", looksLike: problem };
  const isWide = content[ELF_CLASS_AT] === 2;
  const isLittleEndian = content[ELF_DATA_AT] === 1;
  if (view.getUint16(16, isLittleEndian) === ET_REL) {
    return { kind: "not a library", looksLike: "it is an object file; link it with -shared" };
  }
  const bytes = bytesIfCutOff(content);
  if (bytes !== undefined) return { kind: "not a library", looksLike: cutOff(content, bytes) };
  if (isProgram(content)) {
    return { kind: "not a library", looksLike: "it is a program; link it with -shared" };
  }
  const machine = elfMachine({
    number: view.getUint16(18, isLittleEndian),
    isWide,
    isLittleEndian,
  });
  const missing = missingNames(content, CORE_FUNCTIONS) ?? [];
  return { kind: "library", format: "ELF", machine, missing };
}

/** Why no loader of Linux takes a file with this header. */
function elfHeaderProblem(content: Uint8Array): string | undefined {
  const [bits = 0, order = 0, osAbi = 0] = [ELF_CLASS_AT, ELF_DATA_AT, ELF_OS_ABI_AT]
    .map((at) => content[at]);
  const headerBytes = ELF_HEADER_BYTES[bits - 1];
  if (headerBytes === undefined || (order !== 1 && order !== 2)) {
    return "its header is damaged: it does not say for which kind of machines it is";
  }
  if (content.byteLength < headerBytes) return cutOff(content, headerBytes);
  if (OS_ABIS_OF_LINUX.includes(osAbi)) return undefined;
  return `it is built for ${OTHER_OS_ABIS[osAbi] ?? `another system (OS ABI ${osAbi})`}, not Linux`;
}

function cutOff(content: Uint8Array, bytes: number): string {
  return `its end is missing: it has ${content.byteLength} of ${bytes} bytes or more`;
}

function library(format: "Mach-O" | "PE", machine: string | undefined): CoreFacts {
  return { kind: "library", format, machine, missing: [] };
}

function peFacts(content: Uint8Array, view: DataView): CoreFacts {
  const at = view.byteLength >= 64 ? view.getUint32(60, true) : Infinity;
  if (at + 6 <= view.byteLength) return library("PE", peMachine(view.getUint16(at + 4, true)));
  return { kind: "not a library", looksLike: describe(content) };
}

function describe(content: Uint8Array): string {
  if (ARCHIVE_START.every((byte, index) => content[index] === byte)) {
    return "it is a static library; link its objects with -shared";
  }
  const start = content.subarray(0, 512);
  const isText = start.every((byte) =>
    byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
  );
  return isText ? "it is a text file" : "it is not a shared library";
}

/** Why a machine cannot load the file, as a clause for a message; `undefined` if it may be able to. */
export function reasonNotToLoad(
  facts: CoreFacts,
  host: { readonly machine: string; readonly format: string },
): string | undefined {
  if (facts.kind === "not a library") return facts.looksLike;
  if (facts.format !== host.format) {
    return `it is a ${facts.format} library, this machine loads ${host.format}`;
  }
  if (facts.machine !== undefined && isForOther(facts.machine, host.machine)) {
    return `it is built for ${facts.machine}, this machine is ${host.machine}`;
  }
  return facts.missing.length > 0 ? `it lacks ${facts.missing.join(", ")}` : undefined;
}

/** A machine that is not known here may be the one of the file that is not known either: its loader decides. */
function isForOther(machine: string, host: string): boolean {
  return machine !== host && (isKnownMachine(machine) || isKnownMachine(host));
}
