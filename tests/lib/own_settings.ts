/**
 * Tests use no key of the user who runs them: this process, and all that it starts, have the settings of the tests. They
 * stay in `tests/.build`, like compiled cores: many processes and files of tests use them at the same time, so that
 * none of them could remove them. A test that needs a user without a key, or changes one, takes settings of its own.
 */

import process from "node:process";
import { fileURLToPath } from "node:url";

process.env.XDG_CONFIG_HOME = fileURLToPath(new URL("../.build/settings", import.meta.url));
delete process.env.DISTCOMP_KEY;
delete process.env.XDG_RUNTIME_DIR; // sockets of runs lie in the temporary folder of each test instead
