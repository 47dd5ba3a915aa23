/* A compute core that doubles each number of its input: 64-bit floats in, as many out. */

#include <stdlib.h>

#include "../../include/distcomp.h"

DISTCOMP_EXPORT int32_t worker_init(int32_t version) {
    return version == DISTCOMP_API_VERSION ? 0 : 1;
}

DISTCOMP_EXPORT int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize,
                                       void **outdata) {
    const double *in = data;
    double *out = malloc(size > 0 ? size : 1);
    if (out == NULL) return 1;
    for (uint64_t i = 0; i < size / sizeof *in; i++) out[i] = 2 * in[i];
    *outsize = size - size % sizeof *in;
    *outdata = out;
    return 0;
}

DISTCOMP_EXPORT void worker_free_outdata(uint64_t size, void *outdata) {
    (void)size;
    free(outdata);
}
