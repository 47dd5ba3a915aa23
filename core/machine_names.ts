/** Names of the machines that libraries are built for, from the numbers in their files: as `uname -m` prints them. */

/** The number in an ELF file, its bits and its byte order, which together make a machine. */
const ELF_MACHINES: readonly (readonly [string, number, 32 | 64, "little" | "big"])[] = [
  ["i686", 0x03, 32, "little"],
  ["ppc", 0x14, 32, "big"],
  ["ppc64", 0x15, 64, "big"],
  ["ppc64le", 0x15, 64, "little"],
  ["s390", 0x16, 32, "big"],
  ["s390x", 0x16, 64, "big"],
  ["arm", 0x28, 32, "little"],
  ["x86_64", 0x3e, 64, "little"],
  ["x32", 0x3e, 32, "little"], // the CPU of x86_64, with pointers of 32 bits
  ["aarch64", 0xb7, 64, "little"],
  ["aarch64_be", 0xb7, 64, "big"],
  ["riscv32", 0xf3, 32, "little"],
  ["riscv64", 0xf3, 64, "little"],
  ["loongarch64", 0x102, 64, "little"],
];

const MACH_O_MACHINES: Readonly<Record<number, string>> = {
  0x01000007: "x86_64",
  0x0100000c: "aarch64",
};

const PE_MACHINES: Readonly<Record<number, string>> = { 0x8664: "x86_64", 0xaa64: "aarch64" };

const KNOWN: ReadonlySet<string> = new Set([
  ...ELF_MACHINES.map(([name]) => name),
  ...Object.values(MACH_O_MACHINES),
  ...Object.values(PE_MACHINES),
]);

/** What an ELF file says of its machine. */
export interface ElfMachine {
  readonly number: number;
  readonly isWide: boolean;
  readonly isLittleEndian: boolean;
}

/** The machine of an ELF file. */
export function elfMachine({ number, isWide, isLittleEndian }: ElfMachine): string {
  const [bits, order] = [isWide ? 64 : 32, isLittleEndian ? "little" : "big"];
  const found = ELF_MACHINES.find((row) =>
    row[1] === number && row[2] === bits && row[3] === order
  );
  return found?.[0] ?? unknownMachine(number);
}

/** The machine of a Mach-O file. */
export function machOMachine(number: number): string {
  return MACH_O_MACHINES[number] ?? unknownMachine(number);
}

/** The machine of a PE file. */
export function peMachine(number: number): string {
  return PE_MACHINES[number] ?? unknownMachine(number);
}

/** Whether files for this machine are recognized, so that a file with another name is certainly not for it. */
export function isKnownMachine(name: string): boolean {
  return KNOWN.has(name);
}

function unknownMachine(number: number): string {
  return `machine${number}`;
}
