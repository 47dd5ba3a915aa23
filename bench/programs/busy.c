/* A core whose jobs take MICROSECONDS of CPU time each, whatever their input. They have no output. */
#include <stdint.h>
#include <time.h>

static int64_t cpu_time(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

int32_t worker_init(int32_t version) { return version != 1; }

int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata) {
  (void)size, (void)data;
  for (int64_t end = cpu_time() + MICROSECONDS; cpu_time() < end;) continue;
  *outsize = 0;
  *outdata = 0;
  return 0;
}

void worker_free_outdata(uint64_t size, void *outdata) { (void)size, (void)outdata; }
