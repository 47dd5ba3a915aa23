/** Inputs that are refused before anything runs. */

import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { checkLines, checkPaths, checkTar } from "../../../controller/inputs/input_check.ts";
import { OutputNaming } from "../../../controller/inputs/output_naming.ts";
import { SourceError } from "../../../controller/inputs/source.ts";
import type { Files } from "../../../runtime/files/files.ts";
import { dirname } from "../../../runtime/files/path.ts";
import { systemFiles as files } from "../../../runtime/files/system_files.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";

test("inputs that do not exist are refused", async () => {
  await using workspace = await Workspace.make();
  const path = workspace.at("missing");
  await assertRefused([path], "out", `Cannot read input "${path}": no such file or folder`);
});

test("two named files with the same output are refused, and both are in the message", async () => {
  await using workspace = await Workspace.make();
  const one = await workspace.write("x/same", "1");
  const two = await workspace.write("y/same", "2");
  await assertRefused([one, two], "out", `"${one}" and "${two}" have the same output, "same"`);
  await assertRefused([one, one], "out", `"${one}" is named twice; name it once`);
});

test("a folder that is named twice is refused", async () => {
  await using workspace = await Workspace.make();
  const one = await workspace.write("x/a", "1");
  const folder = workspace.at("x");
  await assertRefused([folder, one, `${folder}/`], "out", `"${folder}/" is named twice`);
});

test("outputs that would overwrite their inputs are refused", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("in/a", "1");
  const folder = workspace.at("in");
  await symlink("in", workspace.at("link"));
  for (const outputs of [folder, `${folder}/`, workspace.at("link")]) {
    await assertRefused([folder], outputs, `would overwrite the inputs in "${folder}"`);
    await assertRefused([file], outputs, `Cannot use input "${file}": its output would overwrite`);
  }
  for (const path of [folder, file]) await checkPaths(files, [path], workspace.at("in/out"));
});

test("a path below a folder that is named too is refused, unless the folder leaves it out", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("in/a", "1");
  const deep = await workspace.write("in/sub/b", "2");
  const core = await workspace.write("in/core.so", "");
  const earlier = await workspace.write("in/out/sub/c", "3");
  const beside = await workspace.write("in2/d", "4");
  const folder = workspace.at("in");
  await symlink("in", workspace.at("link"));
  const twice = [
    [folder, file],
    [file, folder],
    [folder, deep],
    [folder, workspace.at("in/sub")],
    [folder, workspace.at("link/a")],
  ];
  for (const paths of twice) {
    const below = paths.find((path) => path !== folder);
    const reason = `"${below}" is in the folder "${folder}", which is named too; name one of them`;
    await assertRefused(paths, workspace.at("in/out"), reason);
  }
  const apart = [folder, core, earlier, beside];
  await checkPaths(files, apart, workspace.at("in/out"), OutputNaming.SAME, core);
});

test("what earlier runs have made may be named beside the folder that leaves it out", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in/a", "1");
  const output = await workspace.write("in/stage/sub/b", "2");
  await workspace.write("in/stage/.distcomp/jobs.jsonl", "");
  const pack = await workspace.write("in/deep/p.tar", "3");
  await workspace.write("in/deep/p.tar.distcomp/jobs.jsonl", "");
  const folder = workspace.at("in");
  const stage = workspace.at("in/stage");
  for (const path of [stage, output, workspace.at("in/stage/sub"), pack]) {
    await checkPaths(files, [folder, path], workspace.at("out"));
  }
  const reason = `"${output}" is in the folder "${stage}", which is named too; name one of them`;
  await assertRefused([folder, stage, output], workspace.at("out"), reason);
});

test("each named folder costs the same calls, however many are named", async () => {
  await using workspace = await Workspace.make();
  const calls: string[] = [];
  const counting: Files = {
    ...files,
    target: (path) => (calls.push(path), files.target(path)),
    realPath: (path) => (calls.push(path), files.realPath(path)),
  };
  await workspace.write("out/b", "");
  const paths: string[] = [];
  for (let n = 0; n < 20; n++) {
    const path = await workspace.write(n < 10 ? `${n}/a` : `files/${n}`, "");
    paths.push(n < 10 ? dirname(path) : path);
  }
  await checkPaths(counting, paths, workspace.at("out"));
  const allowed = 2 * paths.length + 2; // each path twice; once the outputs, and the folder of the files
  assert(calls.length <= allowed, `${calls.length} calls`);
});

test("a file of lines is refused if it does not exist, is a folder or would be overwritten", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("out/17", "1\n");
  await symlink("out/17", workspace.at("link"));
  const refusals = [
    [workspace.at("missing"), "no such file or folder"],
    [workspace.at("out"), "it is a folder"],
    [file, "an output would overwrite it"],
    [workspace.at("link"), "an output would overwrite it"],
  ] as const;
  for (const [path, reason] of refusals) {
    await assert.rejects(
      checkLines(files, path, workspace.at("out")),
      (error) => isRefusal(error, reason),
    );
  }
  await checkLines(files, file, workspace.at("elsewhere"));
  await checkLines(files, await workspace.write("out/lines", "1\n"), workspace.at("out"));
});

test("a tar is refused if it does not exist, is a folder or is in the folder of the outputs", async () => {
  await using workspace = await Workspace.make();
  const file = await workspace.write("out/in.tar", "tar");
  await symlink("out/in.tar", workspace.at("link.tar"));
  const refusals = [
    [workspace.at("missing"), "no such file or folder"],
    [workspace.at("out"), "it is a folder"],
    [file, "it is in the folder of the outputs"],
    [workspace.at("link.tar"), "it is in the folder of the outputs"],
  ] as const;
  for (const [path, reason] of refusals) {
    await assert.rejects(
      checkTar(files, path, workspace.at("out")),
      (error) => isRefusal(error, reason),
    );
  }
  await checkTar(files, file, workspace.at("elsewhere"));
  await assert.rejects(
    checkTar(files, "/dev/null", workspace.at("out")), // like a pipe, as in --inputs <(cat in.tar)
    (error) =>
      isRefusal(error, "it is not a file; write it to stdin: … | distcomp run … --inputs -"),
  );
});

async function assertRefused(paths: string[], outputs: string, text: string): Promise<void> {
  await assert.rejects(checkPaths(files, paths, outputs), (error) => isRefusal(error, text));
}

function isRefusal(error: unknown, text: string): boolean {
  assert(error instanceof SourceError);
  assert(error.message.includes(text), error.message);
  return true;
}
