/** The commands of those who sign cores and other files: their arguments and help texts. */

import type { Command } from "commander";

/** What `distcomp sign` was asked for. */
export interface SignFlags {
  readonly with: string;
}

/** What `distcomp verify` was asked for. */
export interface VerifyFlags {
  readonly trust: readonly string[];
}

/** What the commands do. Each resolves to the exit status. */
export interface SignerActions {
  createSigner(name: string): Promise<number>;
  sign(files: readonly string[], flags: SignFlags): Promise<number>;
  verify(files: readonly string[], flags: VerifyFlags): Promise<number>;
}

/** Adds the commands to the program. `act` loads what they do. */
export function addSignerCommands(
  program: Command,
  act: (run: (actions: SignerActions) => Promise<number>) => Promise<void>,
): void {
  keyCommand(program).command("create-signer")
    .summary("make a key that signs cores")
    .description(
      "Make a key that signs cores: NAME.key, which stays secret, and NAME.pub for workers.",
    )
    .argument("<name>", "name of the files, or a path")
    .helpOption("-h, --help", "show this help")
    .action((name: string) => act((actions) => actions.createSigner(name)));
  program.command("sign")
    .summary("sign cores, and other files")
    .description("Sign files: a library at its end, any other file in FILE.sig beside it.")
    .argument("<file...>", "files to sign")
    .requiredOption(
      "--with <name>",
      "the signer: NAME.key, as distcomp key create-signer has made it (required)",
    )
    .helpOption("-h, --help", "show this help")
    .action((files: string[], flags: SignFlags) => act((actions) => actions.sign(files, flags)));
  program.command("verify")
    .summary("check whether files are signed by given signers")
    .description("Say whether files are signed, and by whom. Exit status 1 if one is not.")
    .argument("<file...>", "files to check")
    .requiredOption(
      "--trust <file>",
      "public key of a signer, NAME.pub; repeatable (required)",
      (file: string, files: readonly string[] = []) => [...files, file],
    )
    .helpOption("-h, --help", "show this help")
    .action((files: string[], flags: VerifyFlags) =>
      act((actions) => actions.verify(files, flags))
    );
}

/** The group of commands about keys, which others may have begun. */
function keyCommand(program: Command): Command {
  return program.commands.find((command) => command.name() === "key") ??
    program.command("key").summary("make and show keys").description("Make and show keys.")
      .helpOption("-h, --help", "show this help");
}
