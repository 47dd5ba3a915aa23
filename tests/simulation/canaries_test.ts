/** The simulation finds bugs that are planted into a copy of the code. */

import { CANARIES } from "./canaries.ts";
import { testCanaries } from "./seeds.ts";

testCanaries(CANARIES);
