/** The simulation finds bugs that there have been, planted again into a copy of the code. */

import { PAST_BUGS } from "./canaries.ts";
import { testCanaries } from "./seeds.ts";

testCanaries(PAST_BUGS);
