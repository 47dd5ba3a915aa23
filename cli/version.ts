/** What this program calls itself. */

import config from "../deno.json" with { type: "json" };
import { COMMIT } from "./build.ts";

/** The version, as `--version` says it: `0.1.0`, or `0.1.0 (1a2b3c4d5e6f)` where the commit is known. */
export const VERSION: string = COMMIT ? `${config.version} (${COMMIT})` : config.version;

/** What a worker says it is. */
export const SOFTWARE = `distcomp ${VERSION}`;
