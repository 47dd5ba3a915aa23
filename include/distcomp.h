/*
 * distcomp compute core API, version 1, for C and C++.
 *
 * A compute core is a shared library that exports the three functions declared below. This complete
 * example counts the lines of its input:
 *
 *     #include <inttypes.h>
 *     #include <stdio.h>
 *     #include <stdlib.h>
 *     #include "distcomp.h"
 *     int32_t worker_init(int32_t version) { return version != DISTCOMP_API_VERSION; }
 *     int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata) {
 *       uint64_t lines = 0;
 *       for (uint64_t i = 0; i < size; i++) lines += ((char *)data)[i] == '\n';
 *       char *text = malloc(32);
 *       if (text == NULL) return 1;
 *       *outsize = (uint64_t)snprintf(text, 32, "%" PRIu64 "\n", lines);
 *       *outdata = text;
 *       return 0;
 *     }
 *     void worker_free_outdata(uint64_t size, void *outdata) { (void)size; free(outdata); }
 *
 * Build it with
 *
 *     cc -O2 -fPIC -shared -I include -o lines.so lines.c
 *
 * A core in another language exports the same three names, unmangled, with the C calling
 * convention.
 *
 * These rules hold for all three functions:
 *
 * - A process holds one core and runs one job at a time. Calls never overlap, so global state needs
 *   no lock. The core may start threads, but has to look after them itself.
 * - Which jobs share a process is undefined. A job can run more than once, for example because its
 *   machine died. Keep caches between jobs, never results.
 * - A crash, abort() or exit() costs the current job and this process, nothing else.
 * - The working directory is empty when the process starts, belongs to it alone, and is removed with
 *   everything in it when the process ends. TMPDIR names the same directory.
 * - DISTCOMP_SLOT is the number of the worker's slot that the process serves, from 0 on, and
 *   DISTCOMP_SLOTS is how many slots the worker has. OMP_NUM_THREADS and the like say how many threads
 *   a job should use. With `worker --gpus`, CUDA_VISIBLE_DEVICES and the like name its GPU.
 * - What the core prints to stdout or stderr appears in the worker's log, and with the name of its
 *   job in the run (`--core-output`). stdout is written line by line. If the core prints far more
 *   than the log can take, printing blocks, as on a slow terminal.
 * - A C++ exception, a Rust panic or a longjmp must not leave these functions.
 * - The end of the process calls none of these functions, but it runs the core's destructors:
 *   functions with __attribute__((destructor)), destructors of C++ globals, and functions registered
 *   with atexit(). They run even if worker_init failed, but not after a crash, and not if the core
 *   had to be killed: it has 5 seconds. Meanwhile the core stays loaded, and its threads run on.
 * - SIGUSR1, SIGUSR2, SIGPIPE and SIGXFSZ have no effect on the process, unless the core handles
 *   them. What the core starts ignores the first two, too. On Linux, the stack may grow to 256 MiB
 *   if the hard limit of the system allows it.
 * - Everything that the core has started, such as child processes, ends with its process.
 * - A crash leaves no core dump, unless the run was started with --keep-crashes.
 */
#ifndef DISTCOMP_H
#define DISTCOMP_H

#include <stdint.h>

/* The version that the worker passes to worker_init. */
#define DISTCOMP_API_VERSION 1

/* Keeps the three functions visible in a library built with -fvisibility=hidden. */
#if defined(_WIN32)
#define DISTCOMP_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define DISTCOMP_EXPORT __attribute__((visibility("default")))
#else
#define DISTCOMP_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Called once, after the core has been loaded and before anything else. Compare `version` with
 * DISTCOMP_API_VERSION.
 *
 * Return 0 if the core is ready. After any other value neither of the other functions is called, the
 * value is reported to the controller that sent the core, and then the process ends.
 */
DISTCOMP_EXPORT int32_t worker_init(int32_t version);

/*
 * Runs one job.
 *
 * data      The input. The worker allocates it and frees it as soon as this function returns, so do
 *           not keep the pointer and do not return it in `*outdata`. It is never null, even if
 *           `size` is 0. It is aligned to at least 64 bytes. Its `size` bytes may be written.
 * size      Number of bytes in `data`. Do not read or write beyond them, with one exception: distcomp
 *           puts a zero byte behind the input, so that text is a C string. `size` does not count it.
 *           Other workers for this API need not do that. An input may contain zeros itself.
 * outdata   Where to store a pointer to the output; null before the call. The core allocates the
 *           output in any way it likes: malloc, static memory, a buffer that it reuses. The output
 *           must stay in place and unchanged until worker_free_outdata is called.
 * outsize   Where to store the number of bytes in the output; 0 before the call. A core without
 *           output leaves both values as they are.
 *
 * Return the exit code of the job: 0 for success, anything else for failure. A failed job may have
 * output too, such as an error message. Both reach the controller that sent the job.
 */
DISTCOMP_EXPORT int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize,
                                       void **outdata);

/*
 * Frees the output of the last job, or reuses its memory. The worker has finished reading it.
 *
 * Called exactly once after each worker_run_job that returned, whatever it returned, and before the
 * next worker_run_job. It gets exactly the values that worker_run_job stored: 0 and null if there
 * was no output, which free() accepts. The worker itself never frees or writes the output.
 */
DISTCOMP_EXPORT void worker_free_outdata(uint64_t size, void *outdata);

#ifdef __cplusplus
}
#endif

#endif
