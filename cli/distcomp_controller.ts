/** The entry point of `distcomp-controller`, which has `distcomp run` and `distcomp key`, but cannot run jobs itself. */

import { main } from "./main.ts";

main({
  controller: () => import("./run_command.ts"),
  key: () => import("./key_command.ts"),
});
