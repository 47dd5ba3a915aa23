/** The permissions that docs/library.md names are sufficient for programs on Deno, and none of them is unneeded. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { WorkerServer } from "../../../mod.ts";
import { systemClock, systemRandom } from "../../../runtime/clock.ts";
import { openCredentials } from "../../../security/open_credentials.ts";
import { core } from "../../lib/cores.ts";
import { page, ROOT } from "../../lib/pages.ts";
import { slowTestUnless, testUnless } from "../../lib/test.ts";

const NOT_ON_DENO = process.versions.bun ? "only Deno has permissions" : undefined;
const BUILD = join(ROOT, "tests/.build");

/** What a program uses: words that begin a row of the page's table, and the session's options. */
const USES = [
  ["workers on other machines", `{ core, workers: [address], connectMs: 100 }`],
  ["a worker of its own", `{ core, slots: 1 }`],
] as const;

for (const [use, options] of USES) {
  testUnless(NOT_ON_DENO, `a session with ${use} needs no permissions but those`, async () => {
    assert.equal(await runWith(permissionsFor(use), options), "it works\n");
  });

  slowTestUnless(NOT_ON_DENO, `a session with ${use} needs each of those permissions`, async () => {
    const permissions = permissionsFor(use);
    assert(permissions.length >= 4);
    for (const lacking of permissions) {
      const rest = permissions.filter((one) => one !== lacking);
      assert.match(await runWith(rest, options), /Requires .*(access|permission)/, lacking);
    }
  });
}

/** The permissions in a row of the page. */
function permissionsFor(use: string): string[] {
  const row = page("docs/library.md").split("\n").find((line) => line.startsWith(`| ${use}`)) ?? "";
  return [...row.matchAll(/--allow-[\w=-]+/g)].map(([permission]) => permission);
}

/** Runs a program with these permissions. Returns its output, or the error. */
async function runWith(permissions: readonly string[], options: string): Promise<string> {
  mkdirSync(BUILD, { recursive: true });
  const folder = mkdtempSync(join(BUILD, "permissions-")); // in the project, where its packages are found
  // The page says so: there is a key. The program cannot see that the worker is of the same user.
  await openCredentials("worker", { clock: systemClock, random: systemRandom, env: process.env });
  await using worker = await WorkerServer.listen("127.0.0.1:0", { slots: 1 });
  try {
    const program = join(folder, "main.ts");
    writeFileSync(
      program,
      `import process from "node:process";
      import { Session, textCodec } from ${JSON.stringify(join(ROOT, "mod.ts"))};
      const [core = "", address = ""] = process.argv.slice(2);
      await using session = await Session.open(${options});
      console.log(await session.typed(textCodec).run("it works"));`,
    );
    const args = ["run", "--quiet", "--no-prompt", ...permissions, program];
    const run = promisify(execFile)(process.execPath, [
      ...args,
      await core("echo"),
      worker.address,
    ]);
    return await run.then(({ stdout }) => stdout, ({ stderr }) => stderr);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
