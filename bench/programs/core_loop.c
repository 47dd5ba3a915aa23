/*
 * The limit: one process per CPU calls the core in a loop. The input is copied in and the output is copied out, as the
 * core API needs, but nothing is sent anywhere.
 *
 *     core_loop CORE JOBS BYTES PROCESSES
 *
 * Prints the seconds until all processes have done their part of the jobs.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef int32_t init_function(int32_t);
typedef int32_t run_function(uint64_t, void *, uint64_t *, void **);
typedef void free_function(uint64_t, void *);

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int loop(void *core, long jobs, uint64_t bytes) {
  run_function *run = (run_function *)dlsym(core, "worker_run_job");
  free_function *release = (free_function *)dlsym(core, "worker_free_outdata");
  if (!run || !release) return 1;
  size_t room = (bytes + 63) / 64 * 64 + 64;
  char *source = calloc(1, room), *input = aligned_alloc(64, room), *output = malloc(room);
  for (long index = 0; index < jobs; index++) {
    uint64_t size = 0;
    void *data = NULL;
    memcpy(input, source, bytes);
    if (run(bytes, input, &size, &data) != 0) return 1;
    if (size > 0 && size <= room) memcpy(output, data, size);
    release(size, data);
  }
  return 0;
}

int main(int count, char **args) {
  if (count != 5) return fprintf(stderr, "usage: core_loop CORE JOBS BYTES PROCESSES\n"), 2;
  void *core = dlopen(args[1], RTLD_NOW);
  if (!core) return fprintf(stderr, "%s\n", dlerror()), 1;
  init_function *init = (init_function *)dlsym(core, "worker_init");
  if (!init || init(1) != 0) return fprintf(stderr, "the core does not start\n"), 1;
  long jobs = atol(args[2]), processes = atol(args[4]);
  double started = now();
  for (long index = 0; index < processes; index++) {
    if (fork() == 0) _exit(loop(core, jobs / processes, (uint64_t)atol(args[3])));
  }
  int status, failed = 0;
  while (wait(&status) > 0) failed |= status;
  if (failed) return fprintf(stderr, "a job failed\n"), 1;
  printf("%.6f\n", now() - started);
  return 0;
}
