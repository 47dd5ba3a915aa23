/** Files below a folder in which no link is followed. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { lstat, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { DirectorySink } from "../../controller/output/directory_sink.ts";
import { systemClock } from "../../runtime/clock.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import { messageOf } from "../../runtime/error_text.ts";
import type { Files } from "../../runtime/files/files.ts";
import { FilesBelow } from "../../runtime/files/files_below.ts";
import { OPEN_FOLDERS_MAX } from "../../runtime/files/folder_descriptors.ts";
import { join } from "../../runtime/files/path.ts";
import { LinkError } from "../../runtime/files/safe_folders.ts";
import { Workspace } from "../cli/workspace.ts";
import { eventually } from "../lib/processes.ts";
import { scriptCommand } from "../lib/program_commands.ts";
import { test, testUnless } from "../lib/test.ts";

const { files: ownFiles } = await detectRuntime();
const notLinux = process.platform === "linux" ? undefined : "only Linux has paths of descriptors";

/** The files of this machine, and the same where the system has no paths of descriptors. */
const SYSTEMS: Record<string, Files> = {
  "descriptors": ownFiles,
  "checks": withoutDescriptors(ownFiles),
};

function withoutDescriptors({ openFolder: _, openFolderSync: __, ...others }: Files): Files {
  return others;
}

const BYTES = Uint8Array.of(1);

/** An output folder beside one that must not be touched. */
async function prepared(files = ownFiles) {
  const workspace = await Workspace.make();
  await workspace.writeAll({ "victim/file": "precious", "victim/sub/file": "precious" });
  await mkdir(workspace.at("out/folder"), { recursive: true });
  await workspace.write("out/folder/own", "own");
  const below = await FilesBelow.open(files, workspace.at("out"));
  return {
    workspace,
    below,
    at: (name: string) => join(workspace.at("out"), name),
    /** Fails if anything is missing or new in the other folder. */
    checkVictim: async () => {
      const found = (await readdir(workspace.at("victim"), { recursive: true })).sort();
      assert.deepEqual(found, ["file", "sub", "sub/file"]);
      for (const name of ["file", "sub/file"]) {
        assert.equal(await readFile(join(workspace.at("victim"), name), "utf8"), "precious");
      }
    },
    [Symbol.asyncDispose]: async () => {
      below.close();
      await workspace[Symbol.asyncDispose]();
    },
  };
}

/** All operations, on the file or folder at `path`. `own` is a file of ours. */
const OPERATIONS: Record<
  string,
  (files: FilesBelow, path: string, own: string) => Promise<unknown>
> = {
  openToRead: async (files, path) => await (await files.openToRead(path)).close(),
  append: async (files, path) => {
    const file = await files.openToAppend(path, false);
    await file.append(BYTES).finally(() => file.close());
  },
  empty: async (files, path) => await (await files.openToAppend(path, true)).close(),
  create: (files, path) => files.create(path, "new"),
  createSync: async (files, path) => await files.createSync(path, BYTES),
  renameTo: (files, path, own) => files.rename(own, path),
  renameFrom: (files, path, own) => files.rename(path, `${own}2`),
  renameSync: async (files, path, own) => await files.renameSync(own, path),
  link: (files, path, own) => files.link(own, path),
  makeFolder: (files, path) => files.makeFolder(path),
  makeFolderSync: async (files, path) => await files.makeFolderSync(path),
  list: (files, path) => files.list(path),
  info: (files, path) => files.info(path),
  unlink: (files, path) => files.unlink(path),
  unlinkSync: async (files, path) => await files.unlinkSync(path),
  remove: (files, path) => files.remove(path),
};

for (const [system, files] of Object.entries(SYSTEMS)) {
  test(`no operation goes through a link in the place of a folder (${system})`, async () => {
    for (const [name, operation] of Object.entries(OPERATIONS)) {
      for (const path of ["link/file", "link/new", "link/sub/file", "folder/link/file"]) {
        await using place = await prepared(files);
        await symlink(place.workspace.at("victim"), place.at("link"));
        await symlink(place.workspace.at("victim"), place.at("folder/link"));
        const link = place.at(path.slice(0, path.indexOf("link") + 4));
        await assert.rejects(
          operation(place.below, place.at(path), place.at("folder/own")),
          (error) => {
            assert(error instanceof LinkError, `${name} ${path}: ${messageOf(error)}`);
            assert(error.message.startsWith(`"${link}" is a link, and links inside "`));
            return true;
          },
        );
        await place.checkVictim();
        assert.equal(await readFile(place.at("folder/own"), "utf8"), "own");
      }
    }
  });

  test(`no operation goes through a link in the place of a file (${system})`, async () => {
    const targets = ["victim/file", "victim/sub", "victim/new"];
    for (const [name, operation] of Object.entries(OPERATIONS)) {
      for (const target of targets) {
        await using place = await prepared(files);
        await symlink(place.workspace.at(target), place.at("link"));
        // Some replace, remove or name the link. Others fail.
        await operation(place.below, place.at("link"), place.at("folder/own")).catch(() => {});
        await place.checkVictim();
        const opens = ["openToRead", "append", "empty"].includes(name);
        assert(!opens || (await lstat(place.at("link"))).isSymbolicLink());
      }
    }
  });

  test(`a link that is renamed, replaced or removed is only the link (${system})`, async () => {
    await using place = await prepared(files);
    const { below, at, workspace } = place;
    for (const name of ["one", "two", "three", "four"]) {
      await symlink(workspace.at("victim/file"), at(name));
    }
    assert.equal((await below.info(at("one"))).kind, "link");
    await below.rename(at("one"), at("moved"));
    assert((await lstat(at("moved"))).isSymbolicLink());
    await below.rename(at("folder/own"), at("two"));
    assert((await lstat(at("two"))).isFile());
    await below.unlink(at("three"));
    await below.remove(at("four"));
    assert.deepEqual((await readdir(at(""))).sort(), ["folder", "moved", "two"]);
    await place.checkVictim();
  });

  test(`a folder is removed with its links, and not with what they lead to (${system})`, async () => {
    await using place = await prepared(files);
    const { below, at, workspace } = place;
    await mkdir(at("folder/a/b"), { recursive: true });
    await symlink(workspace.at("victim"), at("folder/a/b/link"));
    await symlink(workspace.at("victim/file"), at("folder/a/link"));
    await symlink(workspace.at("nowhere"), at("folder/link"));
    await below.remove(at("folder"));
    await below.remove(at("folder")); // it need not exist
    assert.deepEqual(await readdir(at("")), []);
    await place.checkVictim();
  });

  test(`files are written, read and listed as without the rule (${system})`, async () => {
    await using place = await prepared(files);
    const { below, at } = place;
    await below.makeFolder(at("a/b/c"));
    below.makeFolderSync(at("a/b/d/e"));
    await below.create(at("a/b/c/file"), "some ");
    const file = await below.openToAppend(at("a/b/c/file"), false);
    await file.append(new TextEncoder().encode("text"));
    await file.close();
    await below.rename(at("a/b/c/file"), at("a/b/d/e/file"));
    await below.link(at("a/b/d/e/file"), at("a/other"));
    const opened = await below.openToRead(at("a/other"));
    const into = new Uint8Array(99);
    assert.equal(
      new TextDecoder().decode(into.subarray(0, await opened.read(into, 0))),
      "some text",
    );
    await opened.close();
    assert.deepEqual((await below.list(at("a"))).sort(), ["b", "other"]);
    assert.equal((await below.info(at("a/other"))).bytes, 9);
    await (await below.openToAppend(at("a/other"), true)).close();
    assert.equal(await readFile(at("a/b/d/e/file"), "utf8"), "");
    await assert.rejects(below.makeFolder(at("a/other/x")), { code: "ENOTDIR" });
    await assert.rejects(below.info(at("none/x")), { code: "ENOENT" });
    await assert.rejects(below.openToRead(at("a/b")), /it is not a file/);
  });

  test(`a path that leads out of the folder is refused (${system})`, async () => {
    await using place = await prepared(files);
    const { below, at, workspace } = place;
    const paths = [at("../victim/file"), `${at("")}/../victim/file`, "/etc/passwd", "victim/file"];
    for (const path of [...paths, workspace.at("outer"), workspace.path]) {
      await assert.rejects(async () => await below.info(path), /is not inside/);
    }
  });

  test(`a folder that is named from where the program is holds its own files only (${system})`, async () => {
    await using place = await prepared(files);
    // In a process of its own: all tests of this one share its working folder.
    const script = fileURLToPath(new URL("../fixtures/names_files_from_here.ts", import.meta.url));
    const [command, ...args] = scriptCommand(script);
    const outside = ["../../victim/file", "../../../victim"];
    const options = { cwd: place.at("folder"), encoding: "utf8" } as const;
    const ended = spawnSync(command as string, [...args, system, ...outside], options);
    assert.equal(ended.stdout, "done\n", ended.stderr);
  });

  test(`the folder itself may be a link, and be named in any way (${system})`, async () => {
    await using place = await prepared(files);
    const { workspace } = place;
    await symlink("out", workspace.at("named"));
    for (const name of ["named", "named/", "./named", "out/../named/."]) {
      const below = await FilesBelow.open(files, `${workspace.path}/${name}`);
      await below.create(`${workspace.path}/named/new`, "");
      assert.deepEqual((await below.list(workspace.at("named"))).sort(), ["folder", "new"]);
      await below.unlink(`${workspace.path}/named/new`);
      below.close();
    }
  });
}

testUnless(
  notLinux,
  "a pipe in the place of a file is refused, and nobody waits for it",
  async () => {
    await using place = await prepared();
    assert.equal(spawnSync("mkfifo", [place.at("pipe")]).status, 0);
    await assert.rejects(place.below.openToRead(place.at("pipe")), /it is not a file/);
    await assert.rejects(place.below.openToAppend(place.at("pipe"), false), /it is not a file/);
  },
);

/** What a descriptor of this process leads to; nothing if it has just been closed. */
function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}

testUnless(notLinux, "few folders stay open, and none after the end", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at("out"));
  /** Those of folders of this test: other tests run in this process, too. */
  const descriptors = () =>
    readdirSync("/proc/self/fd").filter((fd) => linkOf(fd).startsWith(workspace.path)).length;
  const below = await FilesBelow.open(ownFiles, workspace.at("out"));
  await Promise.all(Array.from({ length: 4 * OPEN_FOLDERS_MAX }, async (_, index) => {
    const folder = workspace.at(`out/${index % 7}/${index}`);
    await below.makeFolder(folder);
    await below.create(join(folder, "file"), "");
    below.createSync(join(folder, "file2"), BYTES);
  }));
  assert(descriptors() > 0);
  assert(descriptors() <= OPEN_FOLDERS_MAX + 1, `${descriptors()} are open`);
  below.close();
  await eventually("all are closed", () => descriptors() === 0);
  await assert.rejects(async () => await below.info(workspace.at("out/file")), /is closed/);
});

testUnless(
  notLinux,
  "files deep below a folder, written at the same time, open each folder a few times only",
  async () => {
    const depth = 3 * OPEN_FOLDERS_MAX;
    let opens = 0;
    const { onDiskOf: _, openFolder, ...others } = ownFiles;
    assert(openFolder);
    const counting = (path: string) => {
      opens += 1;
      return openFolder(path);
    };
    await using place = await prepared({ ...others, openFolder: counting });
    const { below, at } = place;
    const folders = Array.from({ length: depth }, (_, index) => at("d/".repeat(index + 1)));
    await below.makeFolder(at(`${"d/".repeat(depth)}.`));
    assert(opens < 5 * depth, `${opens} to make ${depth} folders`);
    opens = 0;
    await Promise.all(folders.map((folder) => below.create(`${folder}file`, "")));
    assert(opens < 2 * depth, `${opens} to write into ${depth} folders`);
  },
);

test("a folder that was removed meanwhile is made again", async () => {
  await using place = await prepared();
  const { below, at } = place;
  for (let round = 0; round < 3; round++) {
    await below.makeFolder(at("a/b"));
    await below.create(at("a/b/file"), "");
    await rm(at("a"), { recursive: true });
    below.makeFolderSync(at("a/b"));
    await below.create(at("a/b/file"), "");
    await rm(at("a"), { recursive: true });
  }
});

testUnless(notLinux, "names that are not UTF-8 keep their bytes", async () => {
  await using place = await prepared();
  const { below, at } = place;
  const folder = at("caf\udce9");
  await below.makeFolder(folder);
  below.makeFolderSync(join(folder, "\udcff"));
  await below.create(at("file"), "text");
  await below.rename(at("file"), `${folder}/\udcff/\udcfe`);
  assert.equal((await below.info(`${folder}/\udcff/\udcfe`)).bytes, 4);
  await (await below.openToRead(`${folder}/\udcff/\udcfe`)).close();
  const { stdout } = spawnSync("find", [at(""), "-size", "4c"]);
  const bytes = new Uint8Array(stdout).slice(-9);
  assert.deepEqual([...bytes], [0x63, 0x61, 0x66, 0xe9, 0x2f, 0xff, 0x2f, 0xfe, 0x0a]);
  spawnSync("rm", ["-r", at("")]);
});

testUnless(
  notLinux,
  "a folder that is held is reached wherever it is moved",
  async () => {
    await using place = await prepared();
    const held = await place.below.holdFolder(place.at("folder"));
    await rename(place.at("folder"), place.at("moved"));
    await symlink(place.workspace.at("victim"), place.at("folder"));
    await writeFile(`${held.path}/new`, "");
    held.close();
    assert.deepEqual((await readdir(place.at("moved"))).sort(), ["new", "own"]);
    await place.checkVictim();
  },
);

/** An attack meets an operation within milliseconds, unless the machine stands still. */
const ATTACK_MS_MAX = 60_000;

testUnless(
  notLinux,
  "nothing outside is touched while somebody swaps folders for links",
  async () => {
    await using place = await prepared();
    const { below, at, workspace } = place;
    await mkdir(at("deep"));
    const attack = `
      import { renameSync, symlinkSync, unlinkSync } from "node:fs";
      console.log("ready");
      for (let round = 0;; round++) {
        for (const folder of ["folder", "deep"]) {
          const aside = "aside-" + round; // what the other side has made meanwhile is moved aside, too
          try {
            renameSync(folder, aside);
            symlinkSync(${JSON.stringify(workspace.at("victim"))}, folder);
            unlinkSync(folder);
            renameSync(aside, folder);
          } catch {} // the other side was faster
        }
      }`;
    await writeFile(workspace.at("attack.ts"), attack);
    const flags = process.versions.bun ? [] : ["-A", "--quiet"];
    const args = ["run", ...flags, workspace.at("attack.ts")];
    const attacker = spawn(process.execPath, args, {
      cwd: at(""),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(attacker, "close");
    try {
      await once(attacker.stdout, "data");
      const sink = await DirectorySink.open(at(""), { clock: systemClock, files: below });
      const refused = new Set<string>();
      const note = (error: Error) => void refused.add(error.name);
      const startedMs = performance.now();
      const pastMs = () => performance.now() - startedMs;
      for (let index = 0; pastMs() < 1_000 || refused.size === 0; index++) {
        assert(pastMs() < ATTACK_MS_MAX, "no operation has met a link");
        const bytes = new Uint8Array(index % 2 === 0 ? 1 : 100_000);
        await Promise.resolve().then(() => sink.commit(`folder/${index}`, bytes)).catch(note);
        await Promise.resolve().then(() => sink.commit(`deep/sub/${index}`, bytes)).catch(note);
        await Promise.resolve().then(() => sink.commit("folder/file", bytes)).catch(note);
        await sink.remove("deep/file").catch(note);
        await below.remove(at("deep/sub")).catch(note);
      }
    } finally {
      attacker.kill("SIGKILL");
      await ended;
    }
    await place.checkVictim();
  },
);
