/** distcomp, the whole program. */

import { main } from "./cli/main.ts";

main({
  control: () => import("./cli/run_command.ts"),
  work: () => import("./cli/worker_command.ts"),
  slot: () => import("./slot/slot.ts"),
});
