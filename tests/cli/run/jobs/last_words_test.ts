/** The last words of cores in several languages, where their compilers are installed. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { slowTest } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

const INCLUDE = dirname(fileURLToPath(new URL("../../../../include/distcomp.h", import.meta.url)));

const CPP = `#include <stdexcept>
#include "distcomp.h"
int32_t worker_init(int32_t) { return 0; }
int32_t worker_run_job(uint64_t, void *, uint64_t *, void **) { throw std::runtime_error("bad\\n"); }
void worker_free_outdata(uint64_t, void *) {}
`;

const RUST = `
#[no_mangle] pub extern "C" fn worker_init(_: i32) -> i32 { 0 }
#[no_mangle] pub extern "C" fn worker_run_job(_: u64, _: *mut u8, _: *mut u64, _: *mut *mut u8) -> i32 { panic!("bad") }
#[no_mangle] pub extern "C" fn worker_free_outdata(_: u64, _: *mut u8) {}
`;

const GO = `package main
import "C"
import "unsafe"
//export worker_init
func worker_init(v int32) int32 { return 0 }
//export worker_run_job
func worker_run_job(n uint64, d unsafe.Pointer, s *uint64, o *unsafe.Pointer) int32 { panic("bad") }
//export worker_free_outdata
func worker_free_outdata(n uint64, p unsafe.Pointer) {}
func main() {}
`;

const LANGUAGES: [name: string, file: string, source: string, command: string[], reason: RegExp][] =
  [
    [
      "C++",
      "core.cpp",
      CPP,
      ["g++", "-fPIC", "-shared", "-I", INCLUDE],
      /^std::runtime_error: bad$/,
    ],
    [
      "Rust",
      "core.rs",
      RUST,
      ["rustc", "--crate-type", "cdylib"],
      /^panicked at core.rs:3:\d+: bad$/,
    ],
    ["Go", "core.go", GO, ["go", "build", "-buildmode=c-shared"], /^panic: bad$/],
  ];

for (const [name, file, source, [compiler = "", ...flags], reason] of LANGUAGES) {
  slowTest(`a core in ${name} that panics or throws fails its job with the message`, async () => {
    await using workspace = await Workspace.make();
    await workspace.write(file, source);
    const env = { ...process.env, GOCACHE: workspace.at("cache"), GOFLAGS: "-modcacherw" };
    const options = { cwd: workspace.path, env };
    const built = await promisify(execFile)(compiler, [...flags, "-o", "core.so", file], options)
      .catch((error) => error);
    if (built.code === "ENOENT") return console.log(`skipped: there is no ${compiler}`);
    assert(!(built instanceof Error), String(built.stderr));
    const args = ["--repeat", "1", "--crash-limit", "1", "--core-output", "off"];
    await workspace.run(["run", "./core.so", ...args]);
    const [record] = await workspace.records();
    const [, text = ""] = /^crashed: SIG[A-Z]+ \((.*)\)$/.exec(record?.error ?? "") ?? [];
    assert.match(text, reason, record?.error);
  });
}
