/** distcomp-controller: sends jobs to workers, and contains neither worker nor slot. */

import { main } from "./main.ts";

main({ controller: () => import("./run_command.ts") });
