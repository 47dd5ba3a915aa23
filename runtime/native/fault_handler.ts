/**
 * The handler of bad memory accesses, as machine code: this project has no code in C, and what is run then must not be
 * JavaScript. It is this function:
 *
 *     void handler(int number, siginfo_t *info, void *context) {
 *       *note = (uint64_t)info->si_addr;
 *       signal(SIGSEGV, SIG_DFL);
 *       raise(SIGSEGV);
 *     }
 *
 * It never returns to the place of the access, so a signal that was sent ends the process as well, and so does one that
 * a handler of the core passes on.
 */

/** The addresses that the code contains. */
export interface HandlerAddresses {
  /** Where the address of the access is stored. */
  readonly note: bigint;
  /** C's `signal` and `raise`. */
  readonly signal: bigint;
  readonly raise: bigint;
}

/** The code for this kind of CPU, as Node.js names it; `undefined` if there is none. */
export function handlerCode(
  arch: string,
  { note, signal, raise }: HandlerAddresses,
): Uint8Array | undefined {
  if (arch === "x64") {
    return Uint8Array.from([
      ...[0x53], // push rbx: calls need the stack at a multiple of 16
      ...[0x48, 0x8b, 0x46, 0x10], // mov rax, [rsi+16]: si_addr
      ...[0x48, 0xb9, ...bytesOf(note)], // mov rcx, note
      ...[0x48, 0x89, 0x01], // mov [rcx], rax
      ...[0xbf, 11, 0, 0, 0], // mov edi, SIGSEGV
      ...[0x31, 0xf6], // xor esi, esi: SIG_DFL
      ...[0x48, 0xb8, ...bytesOf(signal)], // mov rax, signal
      ...[0xff, 0xd0], // call rax
      ...[0xbf, 11, 0, 0, 0], // mov edi, SIGSEGV
      ...[0x48, 0xb8, ...bytesOf(raise)], // mov rax, raise
      ...[0xff, 0xd0], // call rax
      ...[0x5b, 0xc3], // pop rbx; ret
    ]);
  }
  if (arch !== "arm64") return undefined;
  const instructions = Uint32Array.of(
    0xa9bf7bfd, // stp x29, x30, [sp, #-16]!
    0xf9400829, // ldr x9, [x1, #16]: si_addr
    0x5800018a, // ldr x10, note
    0xf9000149, // str x9, [x10]
    0x52800160, // mov w0, #SIGSEGV
    0xd2800001, // mov x1, #SIG_DFL
    0x58000149, // ldr x9, signal
    0xd63f0120, // blr x9
    0x52800160, // mov w0, #SIGSEGV
    0x58000129, // ldr x9, raise
    0xd63f0120, // blr x9
    0xa8c17bfd, // ldp x29, x30, [sp], #16
    0xd65f03c0, // ret
    0xd503201f, // nop: the addresses follow at a multiple of 8
  );
  const code = new Uint8Array(instructions.buffer);
  return Uint8Array.from([...code, ...bytesOf(note), ...bytesOf(signal), ...bytesOf(raise)]);
}

function bytesOf(address: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(address).buffer);
}
