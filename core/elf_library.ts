/**
 * Reads what the loader reads of an ELF library: which libraries it needs, where it says they are, which symbol
 * versions it needs and defines, and for which level of x86-64 CPUs it is built. It reads a few pages of the
 * file: libraries of a gigabyte exist.
 */

/** The bytes of a file. */
export interface FileBytes {
  readonly size: number;
  /** Reads from `at` on: `bytes` bytes, or fewer at the end of the file. */
  read(at: number, bytes: number): Promise<Uint8Array>;
}

/** Symbol versions that a library needs from another one. */
export interface VersionNeed {
  /** The name of the other library, as in `needed`. */
  readonly library: string;
  readonly versions: readonly string[];
}

/** What a library says of itself. */
export interface ElfLibrary {
  readonly isWide: boolean;
  /** The number of the machine in the file's header. */
  readonly machine: number;
  /** The program that loads an executable. Libraries have none. */
  readonly interpreter: string | undefined;
  readonly soname: string | undefined;
  /** The libraries that it needs, by name or path. */
  readonly needed: readonly string[];
  /** Where to look for them: folders separated by colons. The loader ignores `rpath` if there is a `runpath`. */
  readonly rpath: string | undefined;
  readonly runpath: string | undefined;
  readonly versionsNeeded: readonly VersionNeed[];
  /** `undefined` if it has no versions. */
  readonly versionsDefined: ReadonlySet<string> | undefined;
  /** 2 for x86-64-v2, and so on; 1 if it runs on every x86-64 CPU, or says nothing. */
  readonly x86Level: number;
}

const ELF_MAGIC = 0x7f454c46;
const ET_EXEC = 2;
const ET_DYN = 3;

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const PT_GNU_PROPERTY = 0x6474e553;

const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
const DT_VERDEF = 0x6ffffffc;
const DT_VERDEFNUM = 0x6ffffffd;
const DT_VERNEED = 0x6ffffffe;
const DT_VERNEEDNUM = 0x6fffffff;

/** The loader accepts a library that lacks such a version. */
const VER_FLG_WEAK = 2;

const NT_GNU_PROPERTY_TYPE_0 = 5;
const X86_ISA_1_NEEDED = 0xc0008002;
const X86_64 = 0x3e;

/** Real libraries have fewer. A damaged or hostile one may claim any number. */
const SEGMENTS_MAX = 256;
const DYNAMIC_ENTRIES_MAX = 4096;
const VERSIONS_MAX = 4096;
const NOTE_BYTES_MAX = 4096;

/** A library with many versions takes some thousand reads. */
const READS_MAX = 20_000;

/** Paths are at most this long, and so are names. */
const STRING_BYTES_MAX = 4096;

/** All strings of a library together: every entry of a crafted one may point to the same long string. */
const STRINGS_CHARS_MAX = 1024 * 1024;

const utf8 = new TextDecoder();

/** The table is not as the loader needs it. */
class DamagedError extends Error {}

/** Reads a library. `undefined` if it is not an ELF library, or damaged, so that the loader decides. */
export async function readElfLibrary(file: FileBytes): Promise<ElfLibrary | undefined> {
  try {
    return await new Reader(file).library();
  } catch (error) {
    if (error instanceof DamagedError) return undefined;
    throw error;
  }
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly bytes: number;
}

/** The values of the dynamic section by their tags. */
type Dynamic = ReadonlyMap<number, readonly number[]>;

class Reader {
  readonly #file: FileBytes;
  #isWide = true;
  #isLittleEndian = true;
  #segments: readonly Segment[] = [];
  #stringsAt = 0;
  #reads = 0;
  #stringChars = 0;

  constructor(file: FileBytes) {
    this.#file = file;
  }

  async library(): Promise<ElfLibrary | undefined> {
    const start = await this.#view(0, 64);
    if (start.getUint32(0) !== ELF_MAGIC) return undefined;
    this.#isWide = start.getUint8(4) === 2;
    this.#isLittleEndian = start.getUint8(5) === 1;
    const type = start.getUint16(16, this.#isLittleEndian);
    if (type !== ET_DYN && type !== ET_EXEC) return undefined;
    const machine = start.getUint16(18, this.#isLittleEndian);
    this.#segments = await this.#readSegments(start);
    const dynamic = await this.#readDynamic();
    this.#stringsAt = this.#offsetOf(first(dynamic, DT_STRTAB) ?? damaged());
    return {
      isWide: this.#isWide,
      machine,
      interpreter: await this.#interpreter(),
      soname: (await this.#strings(dynamic, DT_SONAME))[0],
      needed: await this.#strings(dynamic, DT_NEEDED),
      rpath: (await this.#strings(dynamic, DT_RPATH))[0],
      runpath: (await this.#strings(dynamic, DT_RUNPATH))[0],
      versionsNeeded: await this.#versionsNeeded(dynamic),
      versionsDefined: await this.#versionsDefined(dynamic),
      x86Level: machine === X86_64 ? await this.#x86Level() : 1,
    };
  }

  async #readSegments(start: DataView): Promise<Segment[]> {
    const at = this.#word(start, this.#isWide ? 32 : 28);
    const bytes = start.getUint16(this.#isWide ? 54 : 42, this.#isLittleEndian);
    const count = start.getUint16(this.#isWide ? 56 : 44, this.#isLittleEndian);
    if (count > SEGMENTS_MAX || bytes < (this.#isWide ? 56 : 32)) damaged();
    const view = await this.#view(at, count * bytes);
    return Array.from({ length: count }, (_, index) => this.#segment(view, index * bytes));
  }

  #segment(view: DataView, at: number): Segment {
    const [offset, address, bytes] = this.#isWide ? [8, 16, 32] as const : [4, 8, 16] as const;
    return {
      type: view.getUint32(at, this.#isLittleEndian),
      offset: this.#word(view, at + offset),
      address: this.#word(view, at + address),
      bytes: this.#word(view, at + bytes),
    };
  }

  async #readDynamic(): Promise<Dynamic> {
    const segment = this.#segments.find(({ type }) => type === PT_DYNAMIC) ?? damaged();
    const entryBytes = this.#isWide ? 16 : 8;
    const count = Math.min(DYNAMIC_ENTRIES_MAX, Math.floor(segment.bytes / entryBytes));
    const view = await this.#view(segment.offset, count * entryBytes);
    const dynamic = new Map<number, number[]>();
    for (let at = 0; at < view.byteLength; at += entryBytes) {
      const tag = this.#word(view, at);
      if (tag === 0) break;
      const values = dynamic.get(tag) ?? [];
      values.push(this.#word(view, at + entryBytes / 2));
      dynamic.set(tag, values);
    }
    return dynamic;
  }

  async #interpreter(): Promise<string | undefined> {
    const segment = this.#segments.find(({ type }) => type === PT_INTERP);
    return segment && await this.#stringAt(segment.offset);
  }

  async #versionsNeeded(dynamic: Dynamic): Promise<VersionNeed[]> {
    const address = first(dynamic, DT_VERNEED);
    if (address === undefined) return [];
    const needs: VersionNeed[] = [];
    let at = this.#offsetOf(address);
    for (let left = countOf(dynamic, DT_VERNEEDNUM); left > 0; left--) {
      const need = await this.#view(at, 16);
      const library = await this.#string(need.getUint32(4, this.#isLittleEndian));
      const versions: string[] = [];
      let versionAt = at + need.getUint32(8, this.#isLittleEndian);
      for (let count = need.getUint16(2, this.#isLittleEndian); count > 0; count--) {
        const version = await this.#view(versionAt, 16);
        const name = await this.#string(version.getUint32(8, this.#isLittleEndian));
        const isWeak = (version.getUint16(4, this.#isLittleEndian) & VER_FLG_WEAK) !== 0;
        if (!isWeak) versions.push(name);
        versionAt += version.getUint32(12, this.#isLittleEndian);
      }
      needs.push({ library, versions });
      at += need.getUint32(12, this.#isLittleEndian);
    }
    return needs;
  }

  async #versionsDefined(dynamic: Dynamic): Promise<ReadonlySet<string> | undefined> {
    const address = first(dynamic, DT_VERDEF);
    if (address === undefined) return undefined;
    const names = new Set<string>();
    let at = this.#offsetOf(address);
    for (let left = countOf(dynamic, DT_VERDEFNUM); left > 0; left--) {
      const definition = await this.#view(at, 20);
      const nameAt = at + definition.getUint32(12, this.#isLittleEndian);
      const name = await this.#view(nameAt, 8); // the others are the versions that this one includes
      names.add(await this.#string(name.getUint32(0, this.#isLittleEndian)));
      at += definition.getUint32(16, this.#isLittleEndian);
    }
    return names;
  }

  /** The level in the note that `-z x86-64-v3` leaves. */
  async #x86Level(): Promise<number> {
    const segment = this.#segments.find(({ type }) => type === PT_GNU_PROPERTY);
    if (!segment || segment.bytes < 16 || segment.bytes > NOTE_BYTES_MAX) return 1;
    const view = await this.#view(segment.offset, segment.bytes);
    // The header of the note: bytes of its name, bytes of its content, its type, and its name, `GNU`.
    if (view.getUint32(0, true) !== 4 || view.getUint32(8, true) !== NT_GNU_PROPERTY_TYPE_0) {
      return 1;
    }
    const end = Math.min(view.byteLength, 16 + view.getUint32(4, true));
    const alignment = this.#isWide ? 8 : 4;
    for (let at = 16; at + 12 <= end;) {
      const bytes = view.getUint32(at + 4, true);
      if (view.getUint32(at, true) === X86_ISA_1_NEEDED) {
        return levelIn(view.getUint32(at + 8, true));
      }
      at += 8 + Math.ceil(bytes / alignment) * alignment;
    }
    return 1;
  }

  async #strings(dynamic: Dynamic, tag: number): Promise<string[]> {
    const strings: string[] = [];
    for (const offset of dynamic.get(tag) ?? []) strings.push(await this.#string(offset));
    return strings;
  }

  #string(offset: number): Promise<string> {
    return this.#stringAt(this.#stringsAt + offset);
  }

  async #stringAt(at: number): Promise<string> {
    const bytes = await this.#bytes(at, STRING_BYTES_MAX);
    const end = bytes.indexOf(0);
    if (end < 0) damaged();
    this.#stringChars += end;
    if (this.#stringChars > STRINGS_CHARS_MAX) damaged();
    return utf8.decode(bytes.subarray(0, end));
  }

  /** The place in the file of what the loader maps to an address. */
  #offsetOf(address: number): number {
    const segment =
      this.#segments.find(({ type, address: start, bytes }) =>
        type === PT_LOAD && address >= start && address < start + bytes
      ) ?? damaged();
    return segment.offset + address - segment.address;
  }

  async #view(at: number, bytes: number): Promise<DataView> {
    const content = await this.#bytes(at, bytes);
    if (content.byteLength < bytes) damaged();
    return new DataView(content.buffer, content.byteOffset, bytes);
  }

  #bytes(at: number, bytes: number): Promise<Uint8Array> {
    if (!Number.isSafeInteger(at) || at < 0 || at >= this.#file.size) damaged();
    if (++this.#reads > READS_MAX) damaged();
    return this.#file.read(at, bytes);
  }

  /** An address-sized integer. */
  #word(view: DataView, at: number): number {
    return this.#isWide
      ? Number(view.getBigUint64(at, this.#isLittleEndian))
      : view.getUint32(at, this.#isLittleEndian);
  }
}

function levelIn(bits: number): number {
  return bits === 0 ? 1 : 32 - Math.clz32(bits);
}

function first(dynamic: Dynamic, tag: number): number | undefined {
  return dynamic.get(tag)?.[0];
}

function countOf(dynamic: Dynamic, tag: number): number {
  const count = first(dynamic, tag) ?? 0;
  return count <= VERSIONS_MAX ? count : damaged();
}

function damaged(): never {
  throw new DamagedError("A library is damaged");
}
