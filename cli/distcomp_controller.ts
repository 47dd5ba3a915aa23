/** distcomp-controller: sends jobs to workers. It holds nothing that loads a library. */

import { main } from "./main.ts";

main({ control: () => import("./run_command.ts") });
