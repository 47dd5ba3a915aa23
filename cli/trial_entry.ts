/** The entry point of a trial of a core that runs from source. */

import { startedMain } from "./started_roles.ts";

startedMain({ trial: () => import("../check/trial.ts") });
