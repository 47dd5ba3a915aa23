/** distcomp-controller: sends jobs to workers. It holds neither worker nor slot. */

import { main } from "./main.ts";

main({ control: () => import("./run_command.ts") });
