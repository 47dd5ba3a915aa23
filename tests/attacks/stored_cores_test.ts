/** A core that changes the files of other cores on its worker: they run as the same user. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { ControllerV2, digestOf, isChosen } from "../fixtures/peers/controller_2.ts";
import { core, coreBytes } from "../lib/cores.ts";
import { eventually, startWorker } from "../lib/processes.ts";
import { programTest, test } from "../lib/test.ts";
import { Workspace } from "../cli/workspace.ts";
import { connectWith, loadCore, run } from "../worker/controllers.ts";

const HONEST = { STAMP: '"honest"' };
const EVIL = { STAMP: '"stolen"' };

const OVERWRITE = (evil: string) =>
  `touch -r "$file" times && chmod u+w "$file" && cat ${evil} > "$file" && ` +
  `touch -r times "$file" && chmod 500 "$file"`;

/** Ways to put other bytes in the place of `$file`. All of them keep its size, and the time of its last change. */
const CHANGES: Readonly<Record<string, (evil: string) => string>> = {
  "overwritten": OVERWRITE,
  "replaced": (evil) =>
    `cp ${evil} "$file.new" && chmod 500 "$file.new" && touch -r "$file" "$file.new" && mv -f "$file.new" "$file"`,
  "replaced by a link": (evil) => `ln -sf ${evil} "$file"`,
  "replaced by a pipe": () => `rm -f "$file" && mkfifo "$file"`,
};

/** Changes a file where no loaded core has it in memory: at its end. */
const APPENDED_OVER =
  `chmod u+w "$file" && printf stolen | dd of="$file" bs=1 conv=notrunc seek=$(($(stat -c %s "$file") - 6))`;

/** Has a core of another controller change all files of the worker with this text in their names. */
async function change(port: number, name: string, command: string): Promise<void> {
  await using other = await connectWith({ port }, "shell");
  const script =
    `cd .. && for file in $(find "\${DISTCOMP_CORE_DIR:-\${TMPDIR:?}}/" -path '*${name}*' -type f); do ` +
    `${command} || exit 1; echo changed; done`;
  assert.match(await run(other, script), /^changed\n/);
}

for (const [how, command] of Object.entries(CHANGES)) {
  programTest(
    `a stored core that another core has ${how} does not run: it is asked for again`,
    async () => {
      await using worker = await startWorker({ slots: 1 });
      const digest = digestOf(await coreBytes("version_stamp", HONEST));
      await using first = await connectWith(worker, "version_stamp", HONEST);
      assert.equal(await run(first, ""), "honest");
      await change(worker.port, digest, command(await core("version_stamp", EVIL)));
      await using next = await ControllerV2.agreed(worker.port);
      assert(!isChosen(await next.choose("version_stamp", digest)), "it is no longer stored");
      await loadCore(next, "version_stamp", HONEST);
      assert.equal(await run(next, ""), "honest");
      assert.equal(await run(first, ""), "honest");
    },
  );
}

test("a core in use that another core has overwritten is not loaded into another slot, and works again once it is sent again", async () => {
  await using worker = await startWorker({ slots: 1 });
  const digest = digestOf(await coreBytes("version_stamp", HONEST));
  await using user = await connectWith(worker, "version_stamp", HONEST);
  const evil = await core("version_stamp", EVIL);
  await change(worker.port, digest, OVERWRITE(evil));
  const job = await user.sendJob(1n, new Uint8Array());
  assert.equal(job.kind, "error", new TextDecoder().decode(job.payload));
  assert.match(
    new TextDecoder().decode(job.payload),
    /its files on this worker are no longer what was sent/,
  );
  await loadCore(user, "version_stamp", HONEST);
  assert.equal(await run(user, ""), "honest");
});

programTest(
  "a file beside a core that another core has overwritten is sent again for the next run",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("data", "honest");
    await workspace.write("commands", "read data\n");
    const evil = await workspace.write("evil", "stolen");
    await using worker = await startWorker({ slots: 1 });
    const place = ["--with", "data", "--workers", `127.0.0.1:${worker.port}`];
    const args = ["run", await core("beside"), "--lines", "commands", "--fresh", ...place];
    assert.equal((await workspace.run(args)).code, 0);
    await change(worker.port, "data", OVERWRITE(evil));
    const again = await workspace.run(args);
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(await workspace.outputsByNumber(), { 0: "honest" });
  },
);

test("a run whose core is overwritten, and whose slot then crashes, ends with honest outputs", async () => {
  await using workspace = await Workspace.make();
  await using worker = await startWorker({ slots: 2 });
  const gate = workspace.at("gate");
  const lines = [`gate ${gate}`, `die-once ${workspace.at("died")}`, "echo honest"];
  await workspace.write("lines", lines.map((line) => `${line}\n`).join(""));
  const args = ["run", await core("behave"), "--lines", "lines"];
  await using program = await workspace.start([...args, "--workers", `127.0.0.1:${worker.port}`]);
  await eventually("the gate is reached", () => existsSync(`${gate}.reached`));
  await change(worker.port, digestOf(await coreBytes("behave")), APPENDED_OVER);
  await workspace.write("gate", "");
  assert.deepEqual(await program.exited, { code: 0, signal: null }, program.stderr);
  assert.deepEqual(await workspace.outputsByNumber(), { 0: "passed", 1: "survived", 2: "honest" });
});
