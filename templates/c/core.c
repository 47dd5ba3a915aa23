/* {{name}}: a compute core for distcomp. It adds up the numbers of its input, one on each line. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "distcomp.h"

#define NUMBER_BYTES_MAX 63
#define ANSWER_BYTES_MAX 512

/* The output. Calls never overlap, so that it needs no lock. */
static char answer[ANSWER_BYTES_MAX];

/* Reads a line that is a number and nothing else. Returns 0 if it is not. */
static int read_number(const char *line, size_t length, double *number) {
    char text[NUMBER_BYTES_MAX + 1], *end;
    if (length == 0 || length > NUMBER_BYTES_MAX) return 0;
    memcpy(text, line, length);
    text[length] = '\0';
    *number = strtod(text, &end);
    return end == text + length;
}

/* The work: writes the output into `answer`. Returns its size, or -1 after it has said what is wrong. */
static int compute(const char *input, size_t size) {
    const char *end = input + size;
    double sum = 0;
    for (int number = 1; input < end; number++) {
        const char *feed = memchr(input, '\n', (size_t)(end - input));
        const char *stop = feed ? feed : end;
        if (stop > input && stop[-1] == '\r') stop--; /* a line of Windows */
        double value;
        if (!read_number(input, (size_t)(stop - input), &value)) {
            fprintf(stderr, "line %d: \"%.*s\" is not a number\n", number, (int)(stop - input), input);
            return -1;
        }
        sum += value;
        input = feed ? feed + 1 : end;
    }
    return snprintf(answer, sizeof answer, "%.3f\n", sum);
}

/* Called once. Open files and devices here. Anything but 0: this core cannot work here. */
int32_t worker_init(int32_t version) { return version == DISTCOMP_API_VERSION ? 0 : 1; }

/* Called for each job. Anything but 0: the job has failed. */
int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata) {
    int length = compute(data, (size_t)size);
    if (length < 0) return 1;
    *outsize = (uint64_t)length;
    *outdata = answer;
    return 0;
}

/* Called after each job. Free what worker_run_job has allocated for its output; here it is static. */
void worker_free_outdata(uint64_t size, void *outdata) {
    (void)size;
    (void)outdata;
}
