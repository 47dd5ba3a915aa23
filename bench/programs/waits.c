/* A core whose jobs take MICROSECONDS each without using a CPU, whatever their input. They have no output. */
#include <stdint.h>
#include <time.h>

int32_t worker_init(int32_t version) { return version != 1; }

int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata) {
  (void)size, (void)data;
  struct timespec left = {MICROSECONDS / 1000000, MICROSECONDS % 1000000 * 1000};
  while (nanosleep(&left, &left) == -1) continue;
  *outsize = 0;
  *outdata = 0;
  return 0;
}

void worker_free_outdata(uint64_t size, void *outdata) { (void)size, (void)outdata; }
