/** Workers that dial: the controller listens, as behind a NAT or in a cluster that grows and shrinks. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { ControllerV1 } from "../fixtures/peers/controller_v1.ts";
import { Program } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { allIsTaken, loadAllSlots, loadCore, run } from "./controllers.ts";

test("a worker dials its controller and serves it", async () => {
  using controllers = await Controllers.listen();
  await using _worker = await dialling(controllers.port);
  await using controller = await controllers.next();
  await assertServes(controller);
});

test("a worker dials again when its controller goes, and again", async () => {
  using controllers = await Controllers.listen();
  await using _worker = await dialling(controllers.port);
  for (let time = 0; time < 3; time++) {
    await using controller = await controllers.next();
    await assertServes(controller);
  }
});

test("a worker finds a controller that comes back later at the same address", async () => {
  using first = await Controllers.listen();
  const { port } = first;
  await using worker = await dialling(port);
  await using before = await first.next();
  await assertServes(before);
  first.close();
  await before.close();
  await worker.printed("stderr", /Cannot reach controller 127\.0\.0\.1:\d+: .*; retrying/);
  using second = await Controllers.listen(port);
  await using after = await second.next();
  await assertServes(after);
});

test("a worker that finds no controller says so once, and ends when asked to", async () => {
  using controllers = await Controllers.listen();
  controllers.close();
  await using worker = await dialling(controllers.port);
  await worker.printed("stderr", /retrying/);
  await worker.stop();
  assert.equal(worker.stderr.match(/retrying/g)?.length, 1);
});

test("a worker that dialled finishes its jobs when it is told to end", async () => {
  using controllers = await Controllers.listen();
  await using worker = await dialling(controllers.port);
  await using controller = await controllers.next();
  await loadCore(controller, "behave");
  await loadAllSlots(controller, 1);
  const job = run(controller, "sleep 300");
  await allIsTaken(controller);
  worker.signal("SIGTERM");
  assert.equal(await job, "slept");
  await worker.endsCleanly();
});

function dialling(port: number): Promise<Program> {
  return Program.start(["worker", "--connect", `127.0.0.1:${port}`, "--slots", "1"]);
}

async function assertServes(controller: ControllerV1): Promise<void> {
  await loadCore(controller, "echo");
  assert.equal(await run(controller, "at your service"), "at your service");
}

/** Takes workers that dial, one after another. */
class Controllers implements Disposable {
  readonly #server: Server;
  readonly port: number;
  readonly #sockets: Socket[] = [];

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => this.#sockets.push(socket));
  }

  static async listen(port = 0): Promise<Controllers> {
    const server = createServer();
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return new Controllers(server);
  }

  async next(): Promise<ControllerV1> {
    if (this.#sockets.length === 0) await once(this.#server, "connection");
    return new ControllerV1(this.#sockets.shift() as Socket);
  }

  /** Takes no more of them. Those that it gave away stay. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
