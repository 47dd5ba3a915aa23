/** The pace of messages that are answered at once, in virtual time. */

import assert from "node:assert/strict";
import { MessageType } from "../../../protocol/mod.ts";
import { MessagePace, PacedMessages } from "../../../worker/controllers/message_pace.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

/** A connection that has messages without end, and how many of them it has handled. */
class Flood {
  handled = 0;
  isHeld = false;
  readonly messages: PacedMessages;

  constructor(pace: MessagePace, readonly type: number = MessageType.ping) {
    this.messages = new PacedMessages(pace, (until) => {
      this.isHeld = true;
      void until.then(() => this.#go());
    });
    this.#go();
  }

  #go(): void {
    this.isHeld = false;
    for (let left = 100_000; left > 0 && !this.isHeld; left--) {
      this.handled += 1;
      this.messages.onMessage(this.type);
    }
  }
}

test("a flood of messages gets so many answers in a second, and an honest one gets its own soon", async () => {
  const clock = new VirtualClock();
  const pace = new MessagePace(clock);
  const floods = Array.from({ length: 255 }, () => new Flood(pace));
  const sum = () => floods.reduce((all, { handled }) => all + handled, 0);
  const before = sum();
  await clock.advance(1_000);
  assert(sum() - before <= 8_100, `${sum() - before} messages in a second`);
  let isAnswered = false;
  const honest = new PacedMessages(pace, (until) => void until.then(() => isAnswered = true));
  honest.onMessage(MessageType.ping);
  await clock.advance(1_000);
  assert(isAnswered, "the 256th connection has its turn within a second");
  pace.close();
  assert.equal(clock.timers, 0);
});

test("a flood of refused jobs of a megabyte is read at a quarter of a gigabyte in a second at most", async () => {
  const clock = new VirtualClock();
  const pace = new MessagePace(clock);
  let refused = 0;
  const messages = new PacedMessages(pace, (until) => void until.then(refuse));
  const refuse = () => {
    refused += 1;
    messages.onRefused(2 ** 20);
  };
  refuse();
  await clock.advance(1_000);
  const before = refused;
  await clock.advance(1_000);
  assert(
    refused - before > 200 && refused - before <= 8_100 / 33,
    `${refused - before} in a second`,
  );
  messages.close();
  pace.close();
  assert.equal(clock.timers, 0);
});

test("jobs that are refused while their connection waits do not make it wait for ever", async () => {
  const clock = new VirtualClock();
  const pace = new MessagePace(clock);
  const flood = new Flood(pace);
  const turns: Promise<void>[] = [];
  const messages = new PacedMessages(pace, (until) => void turns.push(until));
  for (let refused = 0; refused < 100; refused++) messages.onRefused();
  assert(turns.length > 1);
  await clock.advance(1_000);
  await Promise.all(turns);
  assert(flood.handled > 0);
  pace.close();
});

test("a message for which a core is tried takes a turn alone, and a cancel of a job takes none", () => {
  const pace = new MessagePace(new VirtualClock());
  const cores = new Flood(pace, MessageType.core);
  assert.equal(cores.handled, 129, "2,048 messages at once, 16 in a turn");
  assert.equal(new Flood(pace, MessageType.cancel).handled, 100_000);
  pace.close();
});

test("a connection that is closed takes no turn from others", async () => {
  const clock = new VirtualClock();
  const pace = new MessagePace(clock);
  const first = new Flood(pace);
  for (let gone = 0; gone < 1_000; gone++) new PacedMessages(pace, () => {}).onRefused();
  const leaving = Array.from({ length: 1_000 }, () => {
    const messages = new PacedMessages(pace, () => {});
    messages.onRefused();
    return messages;
  });
  for (const messages of leaving) messages.close();
  const before = first.handled;
  await clock.advance(3_000);
  assert(first.handled > before);
  pace.close();
});
