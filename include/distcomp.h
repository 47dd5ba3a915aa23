/*
 * distcomp compute core API, version 1, for C and C++.
 *
 * A compute core is a shared library that exports the three functions declared below. Here is a
 * complete one, which counts the lines of its input:
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
 * Other languages export the same three names, unmangled, with the C calling convention.
 *
 * What holds for all three functions:
 *
 * - One process holds one core and runs one job at a time; no two calls overlap, so global state
 *   needs no lock. Threads that the core starts are its own affair.
 * - Which jobs share a process is not defined, and a job may run more than once (its machine may
 *   die). Keep caches between jobs, never results.
 * - A crash, abort() or exit() costs the job in hand and this process, nothing else.
 * - What the core prints to stdout or stderr is shown in the worker's log. Printing waits, as on a
 *   slow terminal, when it is far more than that can take.
 * - A C++ exception, a Rust panic or a longjmp must not leave these functions.
 * - There is no call before unloading. When the core is unloaded its destructors run (functions
 *   with __attribute__((destructor)), destructors of C++ globals), also after worker_init failed,
 *   but not after a crash or when the core had to be killed.
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
 * Called once, before everything else, when the core has been loaded. Compare `version` with
 * DISTCOMP_API_VERSION.
 *
 * Return 0 when ready. After any other value the core is unloaded, none of its other functions is
 * called, and the value is reported to whoever sent the core.
 */
DISTCOMP_EXPORT int32_t worker_init(int32_t version);

/*
 * Runs one job.
 *
 * data      The input. The worker allocates it and frees it as soon as this function returns, so
 *           neither keep the pointer nor hand it back in `*outdata`. It is never null, even when
 *           `size` is 0, is aligned to at least 64 bytes, and its `size` bytes may be written.
 * size      Bytes in `data`. What lies beyond them is not the core's: text is not terminated.
 * outdata   Where to store a pointer to the output; null before the call. The core allocates the
 *           output in any way it likes (malloc, static memory, a buffer it uses again), and must
 *           leave it in place and unchanged until worker_free_outdata is called.
 * outsize   Where to store the bytes in the output; 0 before the call. A core without output
 *           leaves both as they are.
 *
 * Return the exit code of the job: 0 for success, anything else for failure. A failed job may have
 * output too, an error message for example; both reach whoever sent the job.
 */
DISTCOMP_EXPORT int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize,
                                       void **outdata);

/*
 * Takes the output of the last job back: the worker has finished reading it.
 *
 * Called exactly once after each worker_run_job that returned, whatever it returned, and before the
 * next one, with the very values that it stored: 0 and null when there was no output, which free()
 * accepts. The worker never frees or writes the output itself.
 */
DISTCOMP_EXPORT void worker_free_outdata(uint64_t size, void *outdata);

#ifdef __cplusplus
}
#endif

#endif
