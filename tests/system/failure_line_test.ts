/** The line that says why, in what programs of many languages print when they fail. */

import assert from "node:assert/strict";
import { lineThatSaysWhy, withReason } from "../../system/failure_line.ts";
import { test } from "../lib/test.ts";

/** What is printed, as it was seen, and the line that is wanted. */
const CASES: readonly [language: string, printed: string, reason: string][] = [
  [
    "Rust",
    `
thread '<unnamed>' (8457) panicked at core.rs:2:112:
bad magic in header
note: run with \`RUST_BACKTRACE=1\` environment variable to display a backtrace

thread '<unnamed>' (8457) panicked at /rustc/5980/library/core/src/panicking.rs:225:5:
panic in a function that cannot unwind
stack backtrace:
   0:     0x7ff406b3f04a - std[e28293b1aa0f68bd]::backtrace_rs::backtrace::libunwind::trace
                               at /rustc/5980/library/std/src/../../backtrace/src/backtrace/libunwind.rs:117:9
thread caused non-unwinding panic. aborting.`,
    "panicked at core.rs:2:112: bad magic in header",
  ],
  [
    "Rust before 1.73",
    "thread 'main' panicked at 'bad magic', src/lib.rs:7:5\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
    "panicked at 'bad magic', src/lib.rs:7:5",
  ],
  [
    "a stack overflow",
    "\nthread 'main' (32595) has overflowed its stack\nfatal runtime error: stack overflow, aborting",
    "stack overflow",
  ],
  [
    "C++",
    "terminate called after throwing an instance of 'std::runtime_error'\n  what():  cannot parse: x\n\n",
    "std::runtime_error: cannot parse: x",
  ],
  [
    "C++ without what()",
    "terminate called after throwing an instance of 'int'",
    "uncaught exception int",
  ],
  [
    "C++ with libc++",
    "libc++abi: terminating due to uncaught exception of type std::runtime_error: bad",
    "libc++abi: terminating due to uncaught exception of type std::runtime_error: bad",
  ],
  [
    "Go",
    "panic: bad record 12 in input\n\ngoroutine 17 [running, locked to thread]:\nmain.worker_run_job(...)\n\t/tmp/core.go:7",
    "panic: bad record 12 in input",
  ],
  [
    "Go, a panic in a recovered one",
    "panic: first [recovered]\n\tpanic: second\n\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:3 +0x1d",
    "panic: first [recovered]",
  ],
  [
    "Go, a signal",
    "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48]\n\ngoroutine 1 [running]:",
    "panic: runtime error: invalid memory address or nil pointer dereference",
  ],
  [
    "Go, the runtime",
    "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nmain.main()\n\t/x.go:3 +0x1d\nexit status 2",
    "fatal error: all goroutines are asleep - deadlock!",
  ],
  [
    "Go, a signal in C code",
    "SIGSEGV: segmentation violation\nPC=0x7feb3332e000 m=1 sigcode=1 addr=0x10\nsignal arrived during cgo execution\n\ngoroutine 17 gp=0x44302f1e780 m=1 mp=0x44302f56008 [syscall, locked to thread]:\nruntime.cgocall(0x7feb3332e000, 0x44302f64d60)\nrip    0x7feb3332e000\n\n-----",
    "SIGSEGV: segmentation violation",
  ],
  [
    "Java, a signal in C code",
    "#\n# A fatal error has been detected by the Java Runtime Environment:\n#\n#  SIGSEGV (0xb) at pc=0x00007f4fe5e91261, pid=32275, tid=32275\n#\n# Problematic frame:\n# C  [core.so+0x1261]  worker_run_job+0xbe\n#\n# See problematic frame for where to report the bug.\n#",
    "in worker_run_job+0xbe",
  ],
  [
    "Java, a signal in a library without symbols",
    "# Problematic frame:\n# C  [libstripped.so+0x1261]\n#\n# See problematic frame for where to report the bug.\n#",
    "in libstripped.so+0x1261",
  ],
  [
    "Zig",
    "thread 4242 panic: index out of bounds: index 7, len 3\n/home/a/core.zig:4:12: 0x1042f3a in worker_run_job (core)\n    return data[7];\n           ^\n???:?:?: 0x7f in ??? (???)",
    "thread 4242 panic: index out of bounds: index 7, len 3",
  ],
  [
    "D",
    "object.Exception@core.d(8): cannot parse\n----------------\n??:? [0x55d0c1a2]",
    "object.Exception@core.d(8): cannot parse",
  ],
  [
    "D, a range",
    "core.exception.ArrayIndexError@core.d(9): index [7] is out of bounds for array of length 3\n----------------",
    "core.exception.ArrayIndexError@core.d(9): index [7] is out of bounds for array of length 3",
  ],
  [
    "Nim",
    "/home/a/core.nim(5)  worker_run_job\nError: unhandled exception: bad magic [ValueError]",
    "Error: unhandled exception: bad magic [ValueError]",
  ],
  [
    "assert() of glibc",
    "core: core.c:12: worker_run_job: Assertion `size > 3' failed.\nAborted (core dumped)",
    "core: core.c:12: worker_run_job: Assertion `size > 3' failed.",
  ],
  [
    "assert() of musl",
    "Assertion failed: size > 3 (core.c: worker_run_job: 12)",
    "Assertion failed: size > 3 (core.c: worker_run_job: 12)",
  ],
  [
    "Python",
    "Traceback (most recent call last):\n  File \"<string>\", line 3, in run\nValueError: invalid literal for int() with base 10: 'x'",
    "ValueError: invalid literal for int() with base 10: 'x'",
  ],
  [
    "an exception of a package of Python",
    'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nnumpy.linalg.LinAlgError: Singular matrix',
    "numpy.linalg.LinAlgError: Singular matrix",
  ],
  ["glibc, free", "free(): invalid pointer", "free(): invalid pointer"],
  ["glibc, malloc", "malloc(): corrupted top size\nAborted", "malloc(): corrupted top size"],
  [
    "glibc, twice",
    "free(): double free detected in tcache 2",
    "free(): double free detected in tcache 2",
  ],
  [
    "glibc, the stack",
    "*** stack smashing detected ***: terminated",
    "*** stack smashing detected ***: terminated",
  ],
  [
    "Fortran",
    "At line 7 of file core.f90\nFortran runtime error: Index '9' of dimension 1 of array 'a' above upper bound of 3\n\nError termination. Backtrace:\n#0  0x7f2b in ???\n#1  0x55aa in ???",
    "Fortran runtime error: Index '9' of dimension 1 of array 'a' above upper bound of 3",
  ],
  [
    "Fortran, stop",
    "ERROR STOP bad input\n\nError termination. Backtrace:\n#0  0x7f in ???",
    "ERROR STOP bad input",
  ],
  [
    "AddressSanitizer",
    "=================================================================\n==71==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000014 at pc 0x7f bp 0x7ffd sp 0x7ffc\nREAD of size 4 at 0x602000000014 thread T0\n    #0 0x7f2 in worker_run_job core.c:9\nSUMMARY: AddressSanitizer: heap-buffer-overflow core.c:9 in worker_run_job\n==71==ABORTING",
    "==71==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000014 at pc 0x7f bp 0x7ffd sp 0x7ffc",
  ],
  [
    "OpenMP",
    "libgomp: Thread creation failed: Resource temporarily unavailable",
    "libgomp: Thread creation failed: Resource temporarily unavailable",
  ],
  [
    "CUDA",
    "loading\nCUDA error: out of memory\nbye",
    "CUDA error: out of memory",
  ],
  [
    "anything else",
    "reading header\ncannot open model.bin\n\nAborted (core dumped)\n",
    "cannot open model.bin",
  ],
  ["noise alone", "\nAborted (core dumped)\n", "Aborted (core dumped)"],
  ["nothing", "\n\n", ""],
];

for (const [language, printed, reason] of CASES) {
  test(`the line that says why is found in what is printed by ${language}`, () => {
    assert.equal(lineThatSaysWhy(printed.split("\n")), reason);
  });
}

test("a reason stands in brackets behind what failed, and nothing where nothing was printed", () => {
  assert.equal(
    withReason("crashed: SIGABRT", ["free(): invalid size"]),
    "crashed: SIGABRT (free(): invalid size)",
  );
  assert.equal(withReason("exit code 1", []), "exit code 1");
});
