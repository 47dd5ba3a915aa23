import process from "node:process";
import { CANARIES, PAST_BUGS, withCanary } from "./canaries.ts";
import { planFrom } from "./plan.ts";
for (const canary of [...CANARIES, ...PAST_BUGS]) {
  const { name, seeds, from = 1 } = canary;
  await withCanary(canary, async (planted) => {
    const a = process.cpuUsage();
    let found = -1; const times: string[] = [];
    for (let seed = from; seed < from + seeds; seed++) {
      const b = process.cpuUsage();
      try { await planted.simulate(planFrom(seed, "small")); } catch { found = seed; }
      const c = process.cpuUsage(b); times.push(((c.user + c.system) / 1e6).toFixed(1));
      if (found > 0) break;
    }
    const d = process.cpuUsage(a);
    console.log(name, "| seeds", seeds, "from", from, "found", found, "cpu", ((d.user + d.system) / 1e6).toFixed(1), times.slice(-4).join(" "));
  });
}
