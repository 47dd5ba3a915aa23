/**
 * Inspects a core without loading it: whether it is a shared library, for which machine it is built, and whether
 * it has the functions of the compute core API. Pure functions of the file's bytes.
 */

import { bytesIfCutOff, isProgram, missingNames } from "./elf.ts";

/** The functions that a compute core must have. */
export const CORE_FUNCTIONS = ["worker_init", "worker_run_job", "worker_free_outdata"] as const;

/** What the content of a file shows. */
export type CoreFacts =
  | { readonly kind: "not a library"; readonly looksLike: string }
  | {
    readonly kind: "library";
    readonly format: "ELF" | "Mach-O" | "PE";
    /** As `uname -m` prints it; `undefined` if the file is for several kinds of machines or an unknown one. */
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

const ELF_MACHINES: Record<number, string> = {
  0x03: "i686",
  0x15: "ppc64",
  0x16: "s390x",
  0x28: "arm",
  0x3e: "x86_64",
  0xb7: "aarch64",
  0xf3: "riscv64",
};
const MACH_O_MACHINES: Record<number, string> = { 0x01000007: "x86_64", 0x0100000c: "aarch64" };
const PE_MACHINES: Record<number, string> = { 0x8664: "x86_64", 0xaa64: "aarch64" };

/** Inspects a file's content. Never throws, whatever the bytes are. */
export function inspectCore(content: Uint8Array): CoreFacts {
  if (content.byteLength === 0) return { kind: "not a library", looksLike: "it is empty" };
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const magic = content.byteLength < 20 ? 0 : view.getUint32(0);
  if (magic === ELF_MAGIC) return elfFacts(content, view);
  if (magic === MACH_O_64_MAGIC) {
    return library("Mach-O", MACH_O_MACHINES[view.getUint32(4, true)]);
  }
  if (magic === MACH_O_FAT_MAGIC) return library("Mach-O", undefined);
  if (magic >>> 16 === PE_MAGIC) return library("PE", peMachine(view));
  return { kind: "not a library", looksLike: describe(content) };
}

function elfFacts(content: Uint8Array, view: DataView): CoreFacts {
  const isLittleEndian = content[5] === 1;
  if (view.getUint16(16, isLittleEndian) === ET_REL) {
    return { kind: "not a library", looksLike: "it is an object file; link it with -shared" };
  }
  const bytes = bytesIfCutOff(content);
  if (bytes !== undefined) {
    const looksLike = `its end is missing: it has ${content.byteLength} of ${bytes} bytes or more`;
    return { kind: "not a library", looksLike };
  }
  if (isProgram(content)) {
    return { kind: "not a library", looksLike: "it is a program; link it with -shared" };
  }
  const name = ELF_MACHINES[view.getUint16(18, isLittleEndian)];
  const machine = name === "ppc64" && isLittleEndian ? "ppc64le" : name;
  const missing = missingNames(content, CORE_FUNCTIONS) ?? [];
  return { kind: "library", format: "ELF", machine, missing };
}

function library(format: "Mach-O" | "PE", machine: string | undefined): CoreFacts {
  return { kind: "library", format, machine, missing: [] };
}

function peMachine(view: DataView): string | undefined {
  const at = view.byteLength >= 64 ? view.getUint32(60, true) : Infinity;
  return at + 6 <= view.byteLength ? PE_MACHINES[view.getUint16(at + 4, true)] : undefined;
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
  if (facts.machine !== undefined && facts.machine !== host.machine) {
    return `it is built for ${facts.machine}, this machine is ${host.machine}`;
  }
  return facts.missing.length > 0 ? `it lacks ${facts.missing.join(", ")}` : undefined;
}
