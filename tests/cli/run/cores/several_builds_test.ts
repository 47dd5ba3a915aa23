/** `distcomp run a.so,b.so`: a core that is built for several platforms. */

import assert from "node:assert/strict";
import { copyFile, writeFile } from "node:fs/promises";
import { CORE_FUNCTIONS } from "../../../../core/inspect.ts";
import { elfFile } from "../../../core/elf_file.ts";
import { core } from "../../../lib/cores.ts";
import { testUnless } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";
import process from "node:process";

const notLinux = process.platform === "linux" ? undefined : "the made-up library is for Linux";

testUnless(
  notLinux,
  "a run uses the build that fits, and reruns its jobs when another build has changed",
  async () => {
    await using workspace = await Workspace.make();
    await copyFile(await core("echo"), workspace.at("echo,here.so"));
    const write = (more: string) =>
      writeFile(
        workspace.at("s390x.so"),
        elfFile({
          machine: 0x16,
          isWide: true,
          isLittleEndian: false,
          defined: [...CORE_FUNCTIONS, more],
        }),
      );
    await write("one");
    const alone = await workspace.run(["run", "echo,here.so", "--repeat", "3", "-o", "alone"]);
    assert.equal(alone.code, 0, alone.stderr);
    await copyFile(await core("echo"), workspace.at("echo.so"));
    const both = (...more: string[]) =>
      workspace.run(["run", "s390x.so,echo.so", "--repeat", "3", ...more]);
    const first = await both();
    assert.match(first.stdout, /3 jobs done/, first.stderr);
    assert.match((await both()).stdout, /nothing to do/);
    await write("other");
    assert.match((await both("--dry-run")).stdout, /would run 3 jobs/);
    const dry = (await both("--dry-run")).stdout;
    assert.match(dry, /^core: s390x\.so, .*, for linux-s390x$/m);
  },
);

testUnless(
  notLinux,
  "builds of which none fits this machine, and an empty name, are one line",
  async () => {
    await using workspace = await Workspace.make();
    for (const [name, machine] of [["z.so", 0x16], ["r.so", 0xf3]] as const) {
      const shape = { machine, isWide: true, isLittleEndian: machine !== 0x16 };
      await writeFile(workspace.at(name), elfFile({ ...shape, defined: CORE_FUNCTIONS }));
    }
    const none = await workspace.run(["run", "z.so,r.so", "--repeat", "1"]);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /^distcomp: .*built only for linux-s390x, linux-riscv64\n$/);
    const empty = await workspace.run(["run", "z.so,", "--repeat", "1"]);
    assert.equal(empty.code, 2);
    assert.match(
      empty.stderr,
      /^distcomp: The core "z\.so," has an empty entry; separate files by single commas\n$/,
    );
  },
);
