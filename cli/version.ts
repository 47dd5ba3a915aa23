/** What this program calls itself. */

import config from "../deno.json" with { type: "json" };

/** The version, as `--version` says it. */
export const VERSION: string = config.version;
