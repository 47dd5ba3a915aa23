/** The entry point of `distcomp-controller`, which has `distcomp run`, `report` and `key`, but cannot run jobs itself. */

import { main } from "./main.ts";

main({
  launch: () => import("./run/launch.ts"),
  controller: () => import("./run/run_command.ts"),
  report: () => import("./watching/report_command.ts"),
  key: () => import("./key/key_command.ts"),
});
