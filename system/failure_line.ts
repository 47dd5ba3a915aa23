/**
 * Finds the line that says why a program failed among the last lines that it printed. Each language and library has
 * a form of its own, and most print more after that line: hints, backtraces, tables of registers.
 */

/** How much of what a process printed is kept for this: a person reads no more, and a panic fits into it. */
export const LAST_LINES_MAX = 20;
export const LAST_LINES_BYTES_MAX = 8 * 1024;

/** A form of lines that say why. `text` makes the reason of the line and the lines behind it. */
interface Form {
  readonly pattern: RegExp;
  text?(line: string, behind: readonly string[]): string;
}

/**
 * The forms, the most telling first. A form that several lines have means the last of them, because that is the
 * one before the end, but for `FIRST`.
 */
const FORMS: readonly Form[] = [
  // Sanitizers report, then the runtime aborts. The first line of the report has the kind and the address.
  { pattern: /\bERROR: \w+Sanitizer: / },
  { pattern: /: runtime error: / }, // UndefinedBehaviorSanitizer
  // C++: the type is in one line, and what() in the next.
  { pattern: /^terminate called (after throwing|without an active)/, text: terminateText },
  { pattern: /^libc\+\+abi: terminating/ },
  // Rust: the place is in one line, the message in the next ones. Before 1.73, both are in one line.
  { pattern: /^thread '.*'.* panicked at /, text: rustText },
  { pattern: /^thread '.*'.* has overflowed its stack/, text: () => "stack overflow" },
  // Go
  { pattern: /^panic: / },
  { pattern: /^fatal error: / },
  { pattern: /^runtime: out of memory/ },
  { pattern: /^SIG[A-Z]+: \w/ }, // in C code beside it
  // Java: the function in which it was, or else its place in a library.
  { pattern: /^# [A-Za-z] +\[.+\+0x[0-9a-f]+\]/, text: javaText },
  // Zig
  { pattern: /^thread \d+ panic: / },
  // Swift, Nim, D, OCaml
  { pattern: /^(\S+: )?Fatal error: / },
  { pattern: /^Error: unhandled exception: / },
  { pattern: /^\w+(\.\w+)*@\S+\(\d+\)(: |$)/ },
  // assert() of glibc, musl and macOS
  { pattern: /Assertion .* failed\.?( \(.*\))?$/ },
  { pattern: /^Assertion failed: / },
  // The C library
  { pattern: /^\*\*\* .* \*\*\*(: terminated)?$/ },
  {
    pattern:
      /^(free|malloc|realloc|calloc|munmap_chunk|corrupted|double free|malloc_consolidate)\b.*(\(\)|\(|:|!)/,
  },
  { pattern: /symbol lookup error: / },
  // Fortran: the statement is in one line, the error in the next one.
  { pattern: /^Fortran runtime error: / },
  { pattern: /^forrtl: / },
  { pattern: /^ERROR STOP/ },
  // Python's traceback ends with the exception.
  { pattern: /^([A-Za-z_]\w*\.)*[A-Z]\w*(Error|Exception|Interrupt|Exit|Warning)(: .*)?$/ },
  { pattern: /^Fatal Python error: / },
  // OpenMP, CUDA, MPI
  { pattern: /^(OMP|libgomp): (Error|.*(failed|error))/i },
  { pattern: /\bCUDA error\b|\bcudaError\w+|\bCUDNN_STATUS_\w+|\bCUBLAS_STATUS_\w+/ },
];

/** What every form has: most lines of a core have none of it, and are not compared with each form. */
const ANY_FORM =
  /panic|terminat|error|assert|fatal|exception|overflow|out of memory|\*\*\*|free|alloc|corrupt|munmap|@|Interrupt|Exit|Warning|CU(DA|DNN|BLAS)_?|^SIG|^# /i;

/** Whether the line may be the one that says why. */
export function saysWhy(line: string): boolean {
  return ANY_FORM.test(line) && FORMS.some(({ pattern }) => pattern.test(line.trimEnd()));
}

/** Forms of which the first line counts: what follows are consequences, such as "panic: … [recovered]". */
const FIRST = [/^panic: /, /^fatal error: /, /\bERROR: \w+Sanitizer: /];

/** Lines that never say why: what languages and shells print around the reason. */
const NOISE: readonly RegExp[] = [
  /^[^\p{L}\p{N}]*$/u,
  /^note: (run with|Some details are omitted)/,
  /^\s*stack backtrace:$/i,
  /^\s*\d+:\s+(0x)?[0-9a-f]+( - |$)/,
  /^\s*\d+: \S/, // a frame of Rust's backtrace
  /^\s+at \S/,
  /^goroutine \d+ /,
  /^\[signal \S+.*\]$/,
  /^\[signal /,
  /^created by /,
  /^\S+\(.*\)( \+0x[0-9a-f]+)?$/, // a function of Go's traceback
  /^\t\S+:\d+( \+0x[0-9a-f]+)?$/, // its place
  /^exit status \d+$/,
  /^r\w{1,2}\s+0x[0-9a-f]+$/, // Go's table of registers
  /^(rip|rflags|cs|fs|gs)\s+0x[0-9a-f]+$/,
  /^(PC=|sigcode=)/,
  /^Traceback \(most recent call last\):$/,
  /^ {2}File ".*", line \d+/,
  /^Error termination\. Backtrace:$/,
  /^(#\d+|\s+#\d+)\s+(0x)?[0-9a-f]+/i,
  /^Aborted?( \(core dumped\))?$/,
  /^Segmentation fault( \(core dumped\))?$/,
  /^(Aborted|Segmentation fault|Illegal instruction|Bus error|Floating point exception).*core dumped/,
  /^Program received signal /,
  /^Backtrace for this error:$/,
  /^\?\?\?/,
  /^\?\?:\?/,
  /^Unable to (dump stack trace|open debug info)/,
  /^fatal runtime error: .*aborting$/,
  /^panic: Rust .*rethrown/,
  /^thread caused non-unwinding panic\. aborting\.$/,
  /^panic in a function that cannot unwind$/,
  /^\S+:\d+:\d+: 0x[0-9a-f]+ in /, // a frame of Zig's trace
  /^\s+\^+~*$/,
];

/** A panic of Rust that only follows from another one: a panic must not leave a function that C calls. */
const RUST_CONSEQUENCE = /panic in a function that cannot unwind|panic in a destructor/;

/** The line that says why, trimmed. Empty if no line says anything. */
export function lineThatSaysWhy(lines: readonly string[]): string {
  for (const { pattern, text } of FORMS) {
    const found = lines.flatMap((line, index) => pattern.test(line.trimEnd()) ? [index] : []);
    const telling = found.filter((index) => !isConsequence(lines, index));
    const isFirst = FIRST.some(({ source }) => source === pattern.source);
    const at = isFirst ? telling[0] : telling.at(-1);
    if (at === undefined) continue;
    const line = (lines[at] ?? "").trim();
    return text ? text(line, lines.slice(at + 1)) : line;
  }
  return lines.findLast((line) => !NOISE.some((noise) => noise.test(line.trimEnd())))?.trim() ??
    lines.findLast((line) => line.trim() !== "")?.trim() ?? "";
}

/** What has failed, and the line that says why in brackets. */
export function withReason(failure: string, lines: readonly string[] = []): string {
  const reason = lineThatSaysWhy(lines);
  return reason === "" ? failure : `${failure} (${reason})`;
}

function isConsequence(lines: readonly string[], index: number): boolean {
  return RUST_CONSEQUENCE.test(`${lines[index]}\n${lines[index + 1] ?? ""}`);
}

/** `terminate called after throwing an instance of 'X'`, `  what():  …`: `X: …`. */
function terminateText(line: string, behind: readonly string[]): string {
  const [, type] = /instance of '(.*)'/.exec(line) ?? [];
  const what = behind.slice(0, 2).map((next) => /^\s*what\(\):\s*(.*)$/.exec(next)?.[1])
    .find((text) => text !== undefined);
  if (type === undefined) return line;
  return what === undefined || what === "" ? `uncaught exception ${type}` : `${type}: ${what}`;
}

/** `# C  [LIBRARY+0x12]  FUNCTION+0x3`: `in FUNCTION+0x3`; `# C  [LIBRARY+0x12]`: `in LIBRARY+0x12`. */
function javaText(line: string): string {
  const [, place, name] = /^# \S+ +\[(.+?)\](?: +(\S.*))?$/.exec(line.trimEnd()) ?? [];
  return place === undefined ? line : `in ${name ?? place}`;
}

/** `thread 'X' (17) panicked at FILE:LINE:COLUMN:`, `MESSAGE`: `panicked at FILE:LINE:COLUMN: MESSAGE`. */
function rustText(line: string, [message = ""]: readonly string[]): string {
  const place = line.replace(/^thread '.*' (\(\d+\) )?panicked at /, "panicked at ");
  const isWhole = !/:\d+:\d+:$/.test(place) || NOISE.some((noise) => noise.test(message));
  return isWhole ? place : `${place} ${message.trim()}`;
}
