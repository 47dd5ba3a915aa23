/* A compute core that counts the words of its input. The output is the number, in decimal. */

#include <ctype.h>
#include <stdio.h>

#include "../../include/distcomp.h"

static char answer[24];

DISTCOMP_EXPORT int32_t worker_init(int32_t version) {
    return version == DISTCOMP_API_VERSION ? 0 : 1;
}

DISTCOMP_EXPORT int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize,
                                       void **outdata) {
    const unsigned char *text = data;
    unsigned long words = 0;
    for (uint64_t i = 0; i < size; i++)
        if (!isspace(text[i]) && (i == 0 || isspace(text[i - 1]))) words++;
    *outsize = (uint64_t)snprintf(answer, sizeof answer, "%lu", words);
    *outdata = answer;
    return 0;
}

DISTCOMP_EXPORT void worker_free_outdata(uint64_t size, void *outdata) {
    (void)size;
    (void)outdata;
}
