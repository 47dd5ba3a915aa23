/** The name and version of this program. */

import config from "../../deno.json" with { type: "json" };
import { COMMIT } from "./build.ts";

/** What `--version` prints: `0.1.0`, or `0.1.0 (1a2b3c4d5e6f)` where the commit is known. */
export const VERSION: string = COMMIT ? `${config.version} (${COMMIT})` : config.version;

/** The name and version that a worker reports to controllers. */
export const SOFTWARE = `distcomp ${VERSION}`;
