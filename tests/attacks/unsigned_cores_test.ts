/** Controllers that send a worker cores which it must not run. */

import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { digestOf } from "../fixtures/peers/controller_2.ts";
import { core } from "../lib/cores.ts";
import { coreSource, Libraries } from "../lib/libraries.ts";
import type { Program } from "../lib/processes.ts";
import { slowTestUnless } from "../lib/test.ts";
import { type Ended, Workspace } from "../cli/workspace.ts";
import { connect } from "../worker/controllers.ts";
import { errorText } from "../fixtures/peers/controller_v1.ts";

const notElf = process.platform === "linux" ? undefined : "its libraries are not ELF";

slowTestUnless(
  notElf,
  "a worker with --trust runs what the signer has signed, and refuses all else with the reason",
  async () => {
    await using place = await Place.make();
    await using worker = await place.worker("--trust", "release.pub");
    const signed = await place.core("signed.so");
    await place.sign("release", signed);
    assert.equal((await place.run(worker, [signed])).code, 0);
    const unsigned = await place.core("unsigned.so");
    const foreign = await place.core("foreign.so");
    const other = await place.sign("other", foreign);
    const changed = readFileSync(signed);
    changed[changed.indexOf("\x7fELF") + 9] = 1; // padding, which no loader looks at
    const trusted = /SHA256:\S+/.exec(worker.stderr)?.[0] as string;
    await place.refuses(worker, [unsigned], "it is not signed");
    await place.refuses(worker, [foreign], `it is signed by ${other}, who is not trusted here`);
    await place.refuses(
      worker,
      [await place.workspace.write("changed.so", changed)],
      `it was changed since ${trusted} signed it`,
    );
    assert.equal((await place.run(worker, [signed])).code, 0, "and what is signed still runs");
  },
);

slowTestUnless(
  notElf,
  "an unsigned core is refused before any of its code runs, for a controller of version 1, too",
  async () => {
    await using place = await Place.make();
    await using worker = await place.worker("--trust", "release.pub");
    await using libraries = await Libraries.make();
    const mark = place.workspace.at("it ran");
    const evil = await libraries.build(
      "evil.so",
      coreSource(
        "",
        `#include <stdio.h>
__attribute__((constructor)) static void run(void) { fclose(fopen("${mark}", "w")); }`,
      ),
    );
    await using controller = await connect(worker);
    const response = await controller.sendCore("evil", readFileSync(evil));
    assert.match(errorText(response), /^Cannot load compute core "evil": it is not signed$/);
    assert.match(errorText(await controller.sendJob(1n, new Uint8Array())), /it is not signed$/);
    assert(!existsSync(mark));
  },
);

slowTestUnless(
  notElf,
  "a worker with --allow runs the cores of its list, whoever has signed them, and no other",
  async () => {
    await using place = await Place.make();
    const listed = await place.core("listed.so");
    const signed = await place.core("signed.so");
    await place.sign("release", signed);
    const digest = digestOf(readFileSync(listed));
    await using worker = await place.worker("--allow", digest.toUpperCase());
    assert.equal((await place.run(worker, [listed])).code, 0);
    const refused = digestOf(readFileSync(signed));
    await place.refuses(worker, [signed], `its SHA-256, ${refused}, is not allowed here`);
    await using both = await place.worker("--allow", digest, "--trust", "release.pub");
    for (const one of [listed, signed]) assert.equal((await place.run(both, [one])).code, 0);
  },
);

slowTestUnless(
  notElf,
  "a signed core cannot bring anything unsigned: a file, a library, or a variable that loads one",
  async () => {
    await using place = await Place.make();
    await using worker = await place.worker("--trust", "release.pub", "--allow-env", "LEVEL");
    const signed = await place.core("signed.so");
    await place.sign("release", signed);
    const data = await place.workspace.write("data", "some data");
    const folder = await place.workspace.write("folder/script.py", "print()").then(() => "folder");
    const why = '"data", which comes with it, must not be used: it is not signed';
    await place.refuses(worker, [signed, "--with", data], why);
    await place.refuses(
      worker,
      [signed, "--with", folder],
      why.replace("data", "folder/script.py"),
    );
    for (const given of ["LD_PRELOAD=/tmp/evil.so", "PYTHONPATH=/tmp", "PATH=/tmp"]) {
      const [name] = given.split("=");
      const reason =
        `its run sets ${name}, and this worker, which runs only cores that it trusts, ` +
        "takes no such variable (worker --allow-env NAME)";
      await place.refuses(worker, [signed, "--env", given], reason);
    }
    assert.equal((await place.run(worker, [signed, "--env", "LEVEL=1"])).code, 0);
    await place.sign("release", data);
    await place.sign("release", "folder/script.py");
    const ran = await place.run(worker, [signed, "--with", data, "--with", folder]);
    assert.equal(ran.code, 0, ran.stderr);
    await place.workspace.write("data", "other data");
    await place.refuses(
      worker,
      [signed, "--with", data],
      /"data", which .* changed since SHA256:\S+ signed it/,
    );
  },
);

slowTestUnless(
  notElf,
  "a library that a signed core finds through $ORIGIN has to be signed, too",
  async () => {
    await using place = await Place.make();
    await using libraries = await Libraries.make();
    await using worker = await place.worker("--trust", "release.pub");
    const near = await libraries.build("libnear.so", "int near(void) { return 42; }");
    const needy = await libraries.build(
      "core.so",
      coreSource("if (near() != 42) return 1;", "int near(void);"),
      "-l:libnear.so",
      "-Wl,-rpath,$ORIGIN",
    );
    await place.sign("release", needy);
    await place.refuses(
      worker,
      [needy],
      '"libnear.so", which comes with it, must not be used: it is not signed',
    );
    await place.sign("release", near);
    const ran = await place.run(worker, [needy]);
    assert.equal(ran.code, 0, ran.stderr);
  },
);

/** A folder with two signers, `release` and `other`. */
class Place implements AsyncDisposable {
  #lastCore = 0;

  private constructor(readonly workspace: Workspace) {}

  static async make(): Promise<Place> {
    const place = new Place(await Workspace.make());
    for (const name of ["release", "other"]) await place.#does("key", "create-signer", name);
    return place;
  }

  /** A core of its own. */
  async core(name: string): Promise<string> {
    const path = this.workspace.at(name);
    copyFileSync(await core("version_stamp", { STAMP: `"core ${++this.#lastCore}"` }), path);
    return path;
  }

  /** Resolves to the signer's fingerprint. */
  async sign(name: string, file: string): Promise<string> {
    const { stdout } = await this.#does("sign", file, "--with", name);
    return /SHA256:\S+/.exec(stdout)?.[0] as string;
  }

  async worker(...args: readonly string[]): Promise<Program> {
    const worker = await this.workspace.start(
      ["worker", "--listen", "127.0.0.1:0", "--slots", "1", ...args],
    );
    await worker.printed("stdout", /^listening on .*\n/m);
    return worker;
  }

  /** Runs a core on the worker. */
  run(worker: Program, args: readonly string[]): Promise<Ended> {
    const jobs = ["--repeat", "2", "--fresh", "--workers", `127.0.0.1:${worker.port}`];
    return this.workspace.run(["run", ...args, ...jobs]);
  }

  async refuses(worker: Program, args: readonly string[], reason: string | RegExp): Promise<void> {
    const { code, stderr } = await this.run(worker, args);
    assert.equal(code, 3, stderr);
    if (typeof reason === "string") assert(stderr.includes(reason), `${reason}: ${stderr}`);
    else assert.match(stderr, reason);
  }

  async #does(...args: readonly string[]): Promise<Ended> {
    const ended = await this.workspace.run(args);
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.workspace[Symbol.asyncDispose]();
  }
}
