/**
 * The projects that `distcomp new` writes, one for each language. Their files lie in the folders beside this file,
 * and are imported as text, so that an executable contains them.
 */

import header from "../include/distcomp.h" with { type: "text" };
import cGitignore from "./c/gitignore" with { type: "text" };
import cMakefile from "./c/Makefile" with { type: "text" };
import cCore from "./c/core.c" with { type: "text" };
import cppMakefile from "./cpp/Makefile" with { type: "text" };
import cppCore from "./cpp/core.cpp" with { type: "text" };
import cudaMakefile from "./cuda/Makefile" with { type: "text" };
import cudaCore from "./cuda/core.cu" with { type: "text" };
import fortranGitignore from "./fortran/gitignore" with { type: "text" };
import fortranMakefile from "./fortran/Makefile" with { type: "text" };
import fortranCore from "./fortran/core.f90" with { type: "text" };
import goGitignore from "./go/gitignore" with { type: "text" };
import goMakefile from "./go/Makefile" with { type: "text" };
import goCore from "./go/core.go" with { type: "text" };
import goModule from "./go/go.mod" with { type: "text" };
import inputA from "./project/inputs/a.txt" with { type: "text" };
import inputB from "./project/inputs/b.txt" with { type: "text" };
import inputC from "./project/inputs/c.txt" with { type: "text" };
import readme from "./project/README.md" with { type: "text" };
import pythonGitignore from "./python/gitignore" with { type: "text" };
import pythonMakefile from "./python/Makefile" with { type: "text" };
import pythonShim from "./python/core.c" with { type: "text" };
import pythonCore from "./python/core.py" with { type: "text" };
import rustCargo from "./rust/Cargo.toml" with { type: "text" };
import rustGitignore from "./rust/gitignore" with { type: "text" };
import rustMakefile from "./rust/Makefile" with { type: "text" };
import rustCore from "./rust/src/lib.rs" with { type: "text" };
import zigGitignore from "./zig/gitignore" with { type: "text" };
import zigMakefile from "./zig/Makefile" with { type: "text" };
import zigCore from "./zig/core.zig" with { type: "text" };

/** A project in one language. */
export interface Template {
  /** The name of the language. */
  readonly language: string;
  /** What the machine needs to build it. */
  readonly needs: string;
  /** The file into which the author writes. */
  readonly source: string;
  /** How a job fails, and what is seen of it. */
  readonly failures: string;
  /** The files of this language, by path; `{{name}}` stands for the name of the project. */
  readonly files: Readonly<Record<string, string>>;
}

/** The files that all projects have. `{{language}}` and others stand for what a template says. */
const SHARED: Readonly<Record<string, string>> = {
  "README.md": readme,
  "distcomp.h": header,
  "inputs/a.txt": inputA,
  "inputs/b.txt": inputB,
  "inputs/c.txt": inputC,
};

/** The templates, by the name that `distcomp new` takes. */
export const TEMPLATES: Readonly<Record<string, Template>> = {
  c: {
    language: "C",
    needs: "make and a C compiler",
    source: "core.c",
    failures: "To let a job fail, print what is wrong to stderr and return an exit code.",
    files: { "core.c": cCore, "Makefile": cMakefile, ".gitignore": cGitignore },
  },
  cpp: {
    language: "C++",
    needs: "make and a C++ compiler",
    source: "core.cpp",
    failures: "An exception is caught and printed, and the job fails.",
    files: { "core.cpp": cppCore, "Makefile": cppMakefile, ".gitignore": cGitignore },
  },
  rust: {
    language: "Rust",
    needs: "make and cargo",
    source: "src/lib.rs",
    failures: "An error or a panic is printed, and the job fails.",
    files: {
      "src/lib.rs": rustCore,
      "Cargo.toml": rustCargo,
      "Makefile": rustMakefile,
      ".gitignore": rustGitignore,
    },
  },
  go: {
    language: "Go",
    needs: "make, Go and a C compiler",
    source: "core.go",
    failures: "An error or a panic is printed, and the job fails.",
    files: {
      "core.go": goCore,
      "go.mod": goModule,
      "Makefile": goMakefile,
      ".gitignore": goGitignore,
    },
  },
  zig: {
    language: "Zig",
    needs: "make and Zig 0.14 or newer",
    source: "core.zig",
    failures:
      "An error is printed, and the job fails. A panic is printed too, and ends the process.",
    files: { "core.zig": zigCore, "Makefile": zigMakefile, ".gitignore": zigGitignore },
  },
  fortran: {
    language: "Fortran",
    needs: "make and gfortran",
    source: "core.f90",
    failures:
      "To let a job fail, print what is wrong and return an exit code. STOP ends the process.",
    files: {
      "core.f90": fortranCore,
      "Makefile": fortranMakefile,
      ".gitignore": fortranGitignore,
    },
  },
  python: {
    language: "Python",
    needs: "make, a C compiler, and Python's headers and shared library",
    source: "core.py",
    failures: "An exception is printed with its traceback, and the job fails.",
    files: {
      "core.py": pythonCore,
      "core.c": pythonShim,
      "Makefile": pythonMakefile,
      ".gitignore": pythonGitignore,
    },
  },
  cuda: {
    language: "CUDA",
    needs: "make and nvcc",
    source: "core.cu",
    failures: "An exception or an error of CUDA is caught and printed, and the job fails.",
    files: { "core.cu": cudaCore, "Makefile": cudaMakefile, ".gitignore": cGitignore },
  },
};

/** The files of a project called `name`, by path. */
export function projectFiles(template: Template, name: string): Map<string, string> {
  const { language, needs, source, failures } = template;
  const values: Readonly<Record<string, string>> = { name, language, needs, source, failures };
  const filled = (text: string) =>
    text.replace(/\{\{(\w+)\}\}/g, (place, key: string) => values[key] ?? place);
  const files = Object.entries({ ...SHARED, ...template.files });
  return new Map(files.map(([path, text]) => [path, filled(text)]));
}
