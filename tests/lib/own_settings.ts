/** Tests use no key of the user who runs them: this process, and all that it starts, have settings of their own. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const folder = mkdtempSync(join(tmpdir(), "dc-settings-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
process.env.XDG_CONFIG_HOME = folder;
delete process.env.DISTCOMP_KEY;
