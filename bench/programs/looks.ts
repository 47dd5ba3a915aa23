/** Looks at a run each second, as `distcomp top` does: `looks.ts SOCKET`. */

import process from "node:process";
import { setInterval } from "node:timers";
import { askRun } from "../../watch/ask_run.ts";

const [socket = ""] = process.argv.slice(2);
setInterval(() => void askRun(socket), 1_000);
