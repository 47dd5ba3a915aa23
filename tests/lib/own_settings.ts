/**
 * Tests use no key of the user who runs them: this process, and all that it starts, have settings of their own. Test
 * files that run side by side in one process share its environment, and so the settings. The last one removes them.
 */

import { mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { codeOf } from "../../runtime/error_text.ts";

const folder = join(tmpdir(), `dc-settings-${process.pid}`);
const users = join(folder, "users");
const user = join(users, crypto.randomUUID());

function enter(): void {
  try {
    mkdirSync(users, { recursive: true, mode: 0o700 });
    writeFileSync(user, "");
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    enter(); // the last user has just removed it
  }
}

function leave(): void {
  rmSync(user, { force: true });
  try {
    rmdirSync(users);
  } catch {
    return; // others use it
  }
  rmSync(folder, { recursive: true, force: true });
}

enter();
process.on("exit", leave);
process.env.XDG_CONFIG_HOME = folder;
delete process.env.DISTCOMP_KEY;
