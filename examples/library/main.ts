/**
 * A program that counts the words of some texts on all CPUs of this machine.
 *
 *     cc -O2 -fPIC -shared -o count_words.so examples/library/count_words.c
 *     deno run -A examples/library/main.ts count_words.so
 */

import process from "node:process";
import { Session } from "@distcomp/distcomp";

const [core = "count_words.so"] = process.argv.slice(2);
const texts = ["one", "one two", "one two three"];
const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };

await using session = await Session.open({ core });
for await (const result of session.map(texts.map((text) => utf8.encoder.encode(text)))) {
  if (!result.ok) throw result.error;
  console.log(`${texts[result.index]}: ${utf8.decoder.decode(result.output)}`);
}
