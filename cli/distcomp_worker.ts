/** distcomp-worker: runs jobs, and cannot send any. */

import { main } from "./main.ts";

main({
  worker: () => import("./worker_command.ts"),
  slot: () => import("../slot/slot.ts"),
});
