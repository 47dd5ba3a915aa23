/** What a command has come to. */

export interface Outcome {
  exitCode: number;
}
