/** Which executables are copied to nodes. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, chown, lchown, mkdir, symlink } from "node:fs/promises";
import process from "node:process";
import { sha256Of } from "../../system/sha256.ts";
import { type Executable, findExecutables } from "../../up/executables.ts";
import { Workspace } from "../cli/workspace.ts";
import { test, testUnless } from "../lib/test.ts";

const noModes = process.platform === "win32" ? "there are no modes" : undefined;
const notRoot = process.getuid?.() === 0 ? undefined : "only root can give a file away";

const OWN = `${process.platform === "darwin" ? "macos" : process.platform}-${process.arch}`;

/** Two platforms that this machine is not of. */
const [FIRST = "", SECOND = ""] = ["linux-x64-musl", "linux-arm64-musl"];

/** Of all users, none has less to do with this one. */
const NOBODY = 65534;

async function found(workspace: Workspace) {
  const problems: string[] = [];
  const own = workspace.at("distcomp");
  const all = await findExecutables([own], undefined, (problem) => problems.push(problem));
  const platforms = all.map(({ platform }) => platform);
  return { all, platforms, problems: problems.map((text) => text.slice(text.indexOf(":") + 2)) };
}

test("this program and its neighbors for other platforms are found, with their hashes", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ distcomp: "own", "distcomp-notes": "text" });
  await workspace.write(`distcomp-${FIRST}`, "first");
  await symlink(`distcomp-${FIRST}`, workspace.at(`distcomp-${SECOND}`));
  const { all, problems } = await found(workspace);
  const facts = ({ platform, bytes, sha256 }: Executable) => [platform, bytes, sha256];
  const hash = (text: string) => sha256Of(new TextEncoder().encode(text));
  assert.deepEqual(
    all.map(facts).sort(),
    [
      [OWN, 3, hash("own")],
      [FIRST, 5, hash("first")],
      [SECOND, 5, hash("first")],
    ].sort(),
  );
  assert.deepEqual(problems, []);
});

testUnless(
  noModes,
  "a neighbor that others can change, or that is no file, is not copied to nodes, and not waited for",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.writeAll({ distcomp: "own", [`distcomp-${FIRST}`]: "first" });
    await chmod(workspace.at(`distcomp-${FIRST}`), 0o757);
    execFileSync("mkfifo", ["-m", "600", workspace.at(`distcomp-${SECOND}`)]);
    await mkdir(workspace.at("distcomp-macos-x64"), { mode: 0o700 });
    const { platforms, problems } = await found(workspace);
    assert.deepEqual(platforms, [OWN]);
    assert.deepEqual(problems.sort(), [
      "it is not a file",
      "it is not a file",
      `other users can change it; type chmod go-w "${workspace.at(`distcomp-${FIRST}`)}"`,
    ]);
  },
);

testUnless(
  notRoot,
  "a neighbor of another user, or a link of theirs, is not copied to nodes, unless this program is of that user",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.writeAll({ distcomp: "own", [`distcomp-${FIRST}`]: "first", mine: "mine" });
    await chown(workspace.at(`distcomp-${FIRST}`), NOBODY, NOBODY);
    await symlink("mine", workspace.at(`distcomp-${SECOND}`));
    await lchown(workspace.at(`distcomp-${SECOND}`), NOBODY, NOBODY);
    const { platforms, problems } = await found(workspace);
    assert.deepEqual(platforms, [OWN]);
    assert.deepEqual(problems, ["it belongs to another user", "it belongs to another user"]);
    await chown(workspace.at("distcomp"), NOBODY, NOBODY);
    assert.deepEqual((await found(workspace)).platforms.sort(), [OWN, FIRST, SECOND].sort());
  },
);
