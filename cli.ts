import process from "node:process";
import { detectRuntime } from "./runtime/detect.ts";
import { parseAddress, formatAddress } from "./link/address.ts";
const [command, ...args] = process.argv.slice(2);
const runtime = await detectRuntime();
if (command === "slot") {
  const { runSlot } = await import("./worker/slot.ts");
  runSlot(runtime, args[0]!, Number(args[1]));
  process.exit(0);
} else if (command === "worker") {
  const { Worker } = await import("./worker/worker.ts");
  const { serveListener } = await import("./worker/serve.ts");
  const log = { info: (t: string) => console.error(t), warn: (t: string) => console.error("warn", t) };
  const worker = await Worker.start(runtime, { slots: Number(args[1] ?? 2), log });
  const l = runtime.listen(parseAddress(args[0]!));
  console.log(`listening on ${formatAddress(l.address)}`);
  process.on("SIGTERM", async () => { l.close(); await worker.drain(); process.exit(0); });
  await serveListener(worker, l);
}
