/** The languages of `distcomp new`, as tests build them: what they need, and a bug to plant in each. */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** A line of a template's source, and a bug that is put behind it, for the input `bug`. */
export interface PlantedBug {
  readonly file: string;
  readonly behind: string;
  readonly code: string;
  /** What has to be seen of it where the job was sent from. */
  readonly text: RegExp;
  /** Nothing catches it: it ends the process. */
  readonly isFatal?: boolean;
}

/** How to build and to try a template. */
export interface Language {
  readonly key: string;
  /** Why it cannot be built here, if it cannot. */
  readonly missing: string | undefined;
  /** Builds take seconds. */
  readonly isSlow?: boolean;
  /** Arguments of `make`. */
  readonly make?: readonly string[];
  readonly bug?: PlantedBug;
}

const ZIG = printed("zig", "version")
  ? "zig"
  : printed("python3", "-m", "ziglang", "version")
  ? "python3 -m ziglang"
  : undefined;

/** All languages, whether they can be built here or not. */
export const LANGUAGES: readonly Language[] = [
  { key: "c", missing: without("cc") },
  {
    key: "cpp",
    missing: without("c++"),
    isSlow: true,
    bug: {
      file: "core.cpp",
      behind: "    std::string line;\n",
      code: `    if (input == "bug\\n") input.at(7);\n`,
      text: /basic_string::at: __n \(which is 7\)/,
    },
  },
  {
    key: "rust",
    missing: without("cargo"),
    isSlow: true,
    bug: {
      file: "src/lib.rs",
      behind: "    let mut sum = 0.0;\n",
      code: `    if text == "bug\\n" { panic!("a bug at work") }\n`,
      text: /panicked at src\/lib\.rs.*[^]*a bug at work/,
    },
  },
  {
    key: "go",
    missing: without("go", "version"),
    isSlow: true,
    bug: {
      file: "core.go",
      behind: "	sum := 0.0\n",
      code: `	if string(input) == "bug\\n" { var none map[string]int; none["a"] = 1 }\n`,
      text: /panic: assignment to entry in nil map/,
    },
  },
  {
    key: "zig",
    missing: ZIG ? undefined : "there is no zig",
    isSlow: true,
    make: [`ZIG=${ZIG}`],
    bug: {
      file: "core.zig",
      behind: "    var number: usize = 1;\n",
      code: `    if (std.mem.eql(u8, input, "bug\\n")) number -= input.len;\n`,
      text: /panic: integer overflow/,
      isFatal: true,
    },
  },
  {
    key: "fortran",
    missing: without("gfortran"),
    isSlow: true,
    bug: {
      file: "core.f90",
      behind: "    exit_code = 1\n",
      code: "    if (size(input) == 4) error stop 'a bug at work'\n",
      text: /ERROR STOP a bug at work/,
      isFatal: true,
    },
  },
  {
    key: "python",
    missing: without("cc") ?? withoutPython(),
    isSlow: true,
    bug: {
      file: "core.py",
      behind: "    total = 0.0\n",
      code: `    if data == b"bug\\n": {}["nothing"]\n`,
      text: /File "core\.py", line \d+, in run[^]*KeyError: 'nothing'/,
    },
  },
  { key: "cuda", missing: without("nvcc") ?? without("nvidia-smi", "-L"), isSlow: true },
];

/** Why a program cannot be used, if it cannot. `make` is wanted in any case. */
function without(program: string, option = "--version"): string | undefined {
  for (const [name, version] of [["make", "--version"], [program, option]] as const) {
    if (printed(name, version) === undefined) return `there is no ${name}`;
  }
  return undefined;
}

/** Python needs its headers, and itself as a shared library. */
function withoutPython(): string | undefined {
  const code = "import sysconfig as s; v = s.get_config_var; " +
    `print(s.get_path("include"), v("LIBDIR"), v("LDLIBRARY"), sep="\\n")`;
  const [include = "", folder = "", library = ""] = printed("python3", "-c", code)?.split("\n") ??
    [];
  if (include === "") return "there is no python3";
  if (!existsSync(join(include, "Python.h"))) return "there are no headers of Python";
  const isShared = /\.(so|dylib)$/.test(library) && existsSync(join(folder, library));
  return isShared ? undefined : "there is no shared library of Python";
}

function printed(program: string, ...args: readonly string[]): string | undefined {
  try {
    const options = { encoding: "utf8", stdio: "pipe", env: process.env } as const;
    return execFileSync(program, args, options).trim();
  } catch {
    return undefined;
  }
}
