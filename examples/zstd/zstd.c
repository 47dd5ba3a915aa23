/*
 * A compute core that compresses its input to one Zstandard frame with a checksum of the content.
 * The command `zstd` can read it.
 *
 * The variable DISTCOMP_ZSTD_LEVEL sets the level (run --env DISTCOMP_ZSTD_LEVEL=19). It is read when the core is loaded.
 * A job that fails returns exit code 1 and an error message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "../../include/distcomp.h"

#define LEVEL_DEFAULT 9

/* Reused for every job: setting up its tables takes longer than compressing a small input. */
static ZSTD_CCtx *context;

static int32_t fail(const char *reason, uint64_t *outsize, void **outdata) {
  char *message = malloc(128);
  if (message == NULL) return 1;
  *outsize = (uint64_t)snprintf(message, 128, "Cannot compress: %s", reason);
  *outdata = message;
  return 1;
}

/* Returns 0 if the environment asks for a level that does not exist. */
static int read_level(int *level) {
  const char *text = getenv("DISTCOMP_ZSTD_LEVEL");
  *level = LEVEL_DEFAULT;
  if (text == NULL) return 1;
  char *end;
  long value = strtol(text, &end, 10);
  if (end == text || *end != '\0' || value < ZSTD_minCLevel() || value > ZSTD_maxCLevel()) {
    fprintf(stderr, "DISTCOMP_ZSTD_LEVEL is \"%s\", but must be a number from %d to %d\n", text,
            ZSTD_minCLevel(), ZSTD_maxCLevel());
    return 0;
  }
  *level = (int)value;
  return 1;
}

static int set(ZSTD_cParameter parameter, int value) {
  return !ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value));
}

int32_t worker_init(int32_t version) {
  int level;
  if (version != DISTCOMP_API_VERSION || !read_level(&level)) return 1;
  context = ZSTD_createCCtx();
  if (context == NULL) return 2;
  return set(ZSTD_c_compressionLevel, level) && set(ZSTD_c_checksumFlag, 1) ? 0 : 3;
}

int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata) {
  size_t capacity = ZSTD_compressBound((size_t)size);
  if (ZSTD_isError(capacity)) return fail(ZSTD_getErrorName(capacity), outsize, outdata);
  void *frame = malloc(capacity);
  if (frame == NULL) return fail("not enough memory for the output", outsize, outdata);

  size_t written = ZSTD_compress2(context, frame, capacity, data, (size_t)size);
  if (ZSTD_isError(written)) {
    free(frame);
    return fail(ZSTD_getErrorName(written), outsize, outdata);
  }
  *outsize = written;
  *outdata = frame;
  return 0;
}

void worker_free_outdata(uint64_t size, void *outdata) {
  (void)size;
  free(outdata);
}

__attribute__((destructor)) static void unload(void) { ZSTD_freeCCtx(context); }
