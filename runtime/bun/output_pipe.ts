/**
 * A pipe for what a child process prints. Bun's own are sockets, which nobody can open by a name: what a child starts
 * could not write to `/dev/stderr`. Linux only.
 */

import { CLOSE, O_CLOEXEC } from "../native/c_declarations.ts";
import { platform } from "../this_process.ts";
import { bun } from "./api.ts";
import { openCFunctions } from "./ffi.ts";

interface PipeLibrary {
  pipe2(fds: Uint8Array, flags: number): number;
  close(fd: number): number;
}

let library: PipeLibrary | undefined;

/** Both ends of a pipe. */
export interface OutputPipe {
  /** The end to which the child writes. */
  readonly writer: number;
  /** The child has it: from now on, the pipe ends when the child does. */
  closeWriter(): void;
  /** What the child writes. To be read to its end or canceled, which closes the pipe. */
  output(): ReadableStream<Uint8Array>;
  /** There is no child. */
  close(): void;
}

/** Makes a pipe; `undefined` if the system refuses that. */
export function openOutputPipe(): OutputPipe | undefined {
  if (platform !== "linux") return undefined;
  const { pipe2, close } = library ??= openCFunctions<PipeLibrary>({
    // int pipe2(int fds[2], int flags)
    pipe2: { args: ["buffer", "i32"], returns: "i32" },
    close: CLOSE,
  });
  const fds = new Int32Array(2);
  if (pipe2(new Uint8Array(fds.buffer), O_CLOEXEC) !== 0) return undefined;
  const [reader = -1, writer = -1] = fds;
  return {
    writer,
    closeWriter: () => void close(writer),
    output: () => closedAtEnd(bun.file(reader).stream(), () => void close(reader)),
    close: () => [reader, writer].forEach(close),
  };
}

/** The stream of a descriptor, which Bun leaves open at its end. */
function closedAtEnd(
  stream: ReadableStream<Uint8Array>,
  close: () => void,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  let isOpen = true;
  const end = () => {
    if (isOpen) close();
    isOpen = false;
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read().catch((error) => {
        end();
        throw error;
      });
      if (!isOpen) return; // canceled
      if (value) controller.enqueue(value);
      if (!done) return;
      end();
      controller.close();
    },
    async cancel() {
      await reader.cancel();
      end();
    },
  }, { highWaterMark: 0 });
}
