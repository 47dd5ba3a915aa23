/** Workers that lack what a core needs: a sentence for one, a table for several, and a run with the others. */

import assert from "node:assert/strict";
import process from "node:process";
import { coreError, startPeer } from "../../../fixtures/peers/scripted_worker.ts";
import { coreSource, Libraries } from "../../../lib/libraries.ts";
import { startWorker } from "../../../lib/processes.ts";
import { slowTestUnless } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

const notLinux = process.platform === "linux" ? undefined : "its loader is not glibc's";

slowTestUnless(
  notLinux,
  "a run whose own worker lacks libraries ends with status 3 and names all",
  async () => {
    await using libraries = await Libraries.make();
    await using workspace = await Workspace.make();
    const core = await needyCore(libraries);
    await libraries.remove("libzone.so.1");
    await libraries.remove("libztwo.so.2");
    const run = await workspace.run(["run", core, "--repeat", "3"]);
    assert.equal(run.code, 3, run.stderr);
    assert.match(
      run.stderr,
      /^distcomp: No worker can be used: .*: Cannot load compute core "core\.so": this machine lacks libzone\.so\.1, libztwo\.so\.2$/m,
    );
  },
);

slowTestUnless(notLinux, "a run goes on with the worker that has what the core needs", async () => {
  await using libraries = await Libraries.make();
  await using workspace = await Workspace.make();
  const core = await needyCore(libraries);
  await using good = await startWorker({ through: ["env", `LD_LIBRARY_PATH=${libraries.path}`] });
  await using bad = await startWorker({ through: ["env", "-u", "LD_LIBRARY_PATH"] });
  const addresses = [good, bad].map(({ port }) => `127.0.0.1:${port}`).join(",");
  await using run = await workspace.start(["run", core, "--repeat", "20", "--workers", addresses]);
  await run.printed(
    "stderr",
    new RegExp(
      `^warning: cannot use worker 127.0.0.1:${bad.port}: Cannot load compute core "core.so": ` +
        "this machine lacks libzone.so.1, libztwo.so.2$",
      "m",
    ),
  );
  await libraries.write("go", "");
  await run.endsCleanly();
  assert.equal(Object.keys(await workspace.outputs()).length, 20);
});

slowTestUnless(
  notLinux,
  "several workers that lack something are one table, with a row for each",
  async () => {
    await using libraries = await Libraries.make();
    await using workspace = await Workspace.make();
    const core = await needyCore(libraries);
    await using good = await startWorker({ through: ["env", `LD_LIBRARY_PATH=${libraries.path}`] });
    await using bad = await startWorker({ through: ["env", "-u", "LD_LIBRARY_PATH"] });
    const text = 'Cannot load compute core "core.so": it is built for aarch64';
    await using foreign = await startPeer(coreError(text)); // of version 1
    const names = [good, bad, foreign].map(({ port }) => `127.0.0.1:${port}`);
    const args = ["run", core, "--repeat", "20", "--workers", names.join(",")];
    await using run = await workspace.start(args);
    await run.printed("stderr", /^warning: 2 workers cannot load .*\n.*\n.*\n/m);
    await libraries.write("go", "");
    await run.endsCleanly();
    const rows = [
      `  ${names[1]}  this machine lacks libzone.so.1, libztwo.so.2`,
      `  ${names[2]}  it is built for aarch64`,
    ];
    const [title, ...lines] = run.stderr.slice(run.stderr.indexOf("warning: 2")).split("\n");
    assert.equal(title, 'warning: 2 workers cannot load compute core "core.so":');
    assert.deepEqual(lines.slice(0, 2).sort(), rows.sort());
  },
);

slowTestUnless(
  notLinux,
  "a run of which no worker has what the core needs ends with the table",
  async () => {
    await using libraries = await Libraries.make();
    await using workspace = await Workspace.make();
    const core = await needyCore(libraries);
    await using first = await startWorker({ through: ["env", "-u", "LD_LIBRARY_PATH"] });
    await using second = await startWorker({ through: ["env", "-u", "LD_LIBRARY_PATH"] });
    const names = [first, second].map(({ port }) => `127.0.0.1:${port}`);
    const args = ["run", core, "--repeat", "20", "--workers", names.join(","), "--json"];
    const run = await workspace.run(args);
    assert.equal(run.code, 3, run.stderr);
    const reason = "this machine lacks libzone.so.1, libztwo.so.2";
    const end = run.stderr.slice(run.stderr.indexOf("distcomp: ")).split("\n");
    assert.equal(
      end[0],
      'distcomp: No worker can be used: 2 workers cannot load compute core "core.so"',
    );
    assert.deepEqual(end.slice(1, 3), names.map((name) => `  ${name}  ${reason}`));
    const { error } = JSON.parse(run.stdout) as { error: string };
    for (const name of names) {
      assert(error.includes(`${name}: Cannot load compute core "core.so": ${reason}`), error);
    }
  },
);

/**
 * A core that needs two libraries, which it finds only where `LD_LIBRARY_PATH` says. Its jobs wait for the file
 * `go` beside it.
 */
async function needyCore(libraries: Libraries): Promise<string> {
  await libraries.build("libzone.so.1", "int one(void) { return 1; }");
  await libraries.build("libztwo.so.2", "int two(void) { return 2; }");
  return await libraries.build(
    "core.so",
    coreSource(
      `one(); two(); while (access("${libraries.at("go")}", 0)) usleep(1000);`,
      "#include <unistd.h>\nint one(void); int two(void);",
    ),
    "-l:libzone.so.1",
    "-l:libztwo.so.2",
  );
}
