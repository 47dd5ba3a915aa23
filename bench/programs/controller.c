/*
 * A controller of protocol version 1 that does nothing but load a worker: it sends a core, then echo jobs, with as many
 * unanswered as the window allows. It shows what a worker can do, whatever our own controller costs.
 *
 *     controller PORT CORE JOBS BYTES WINDOW
 *
 * Prints the seconds that JOBS jobs took. Some more are run before: slots load the core with the first of them. The
 * answers must be as long as the inputs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { VERSION = 1, CORE = 2, JOB = 3, OK = 1 };
enum { HEADER_BYTES = 17, JOB_FIELDS_BYTES = 16, RESULT_FIELDS_BYTES = 12 };

/* Small jobs are written together up to this size; one read takes at most four times as much. */
#define WRITE_BYTES ((size_t)1 << 20)
#define READ_BYTES (4 * WRITE_BYTES)

/* For so many jobs that count, one more is run before them, but at least as many as the window has. */
#define WARM_UP_PART 10

/* A worker that is silent for so long hangs. */
#define SILENT_MS_MAX 30000

static void fail(const char *what) {
  if (errno) perror(what);
  else fprintf(stderr, "%s\n", what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void write_all(int fd, const void *bytes, size_t size) {
  for (const char *at = bytes; size > 0;) {
    ssize_t written = write(fd, at, size);
    if (written < 0) fail("write");
    at += written;
    size -= (size_t)written;
  }
}

static void read_all(int fd, void *bytes, size_t size) {
  for (char *at = bytes; size > 0;) {
    ssize_t got = read(fd, at, size);
    if (got <= 0) fail("the worker has closed the connection");
    at += got;
    size -= (size_t)got;
  }
}

/* Integers of the protocol are little-endian, as on every machine that this is built for. */
static void put_header(unsigned char *at, int type, uint64_t id, uint64_t payload) {
  at[0] = (unsigned char)type;
  memcpy(at + 1, &id, 8);
  memcpy(at + 9, &payload, 8);
}

static int dial(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_aton("127.0.0.1", &address.sin_addr);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void exchange_version(int fd) {
  unsigned char message[HEADER_BYTES + 4], answer[HEADER_BYTES + 1];
  uint32_t version = 1;
  put_header(message, VERSION, 1, 4);
  memcpy(message + HEADER_BYTES, &version, 4);
  write_all(fd, message, sizeof message);
  read_all(fd, answer, sizeof answer);
  if (answer[0] != OK || answer[HEADER_BYTES] != 1) fail("the worker refuses version 1");
}

static void send_core(int fd, const char *path) {
  int file = open(path, O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info)) fail(path);
  uint64_t size = (uint64_t)info.st_size, name_size = 4;
  unsigned char *content = malloc(size), head[HEADER_BYTES + 8 + 4 + 8], answer[HEADER_BYTES];
  read_all(file, content, size);
  put_header(head, CORE, 2, 8 + name_size + 8 + size);
  memcpy(head + HEADER_BYTES, &name_size, 8);
  memcpy(head + HEADER_BYTES + 8, "echo", 4);
  memcpy(head + HEADER_BYTES + 12, &size, 8);
  write_all(fd, head, sizeof head);
  write_all(fd, content, size);
  read_all(fd, answer, sizeof answer);
  errno = 0;
  if (answer[0] != OK) fail("the worker cannot load the core");
  free(content);
  close(file);
}

int main(int count, char **args) {
  if (count != 6) fail("usage: controller PORT CORE JOBS BYTES WINDOW");
  long jobs = atol(args[3]), window = atol(args[5]);
  size_t bytes = (size_t)atol(args[4]);
  int fd = dial(atoi(args[1]));
  exchange_version(fd);
  send_core(fd, args[2]);

  size_t message = HEADER_BYTES + JOB_FIELDS_BYTES + bytes;
  size_t answer = HEADER_BYTES + RESULT_FIELDS_BYTES + bytes;
  long together = message < WRITE_BYTES ? (long)(WRITE_BYTES / message) : 1;
  unsigned char *out = calloc((size_t)together, message), *in = malloc(READ_BYTES);
  for (long index = 0; index < together; index++) {
    unsigned char *at = out + (size_t)index * message;
    uint64_t size = bytes;
    put_header(at, JOB, 0, JOB_FIELDS_BYTES + bytes);
    memcpy(at + HEADER_BYTES + 8, &size, 8);
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);

  long sent = 0, answered = 0, warm = jobs / WARM_UP_PART > window ? jobs / WARM_UP_PART : window;
  long total = warm + jobs, before = 0;
  size_t written = 0, pending = 0, got = 0;
  double started = 0;
  while (answered < total) {
    long room = window - (sent - answered), left = total - sent;
    long next = room < left ? room : left;
    if (next > together) next = together;
    if (written == pending && next > 0) {
      for (long index = 0; index < next; index++, sent++) {
        unsigned char *at = out + (size_t)index * message;
        uint64_t id = (uint64_t)sent + 10, job = (uint64_t)sent;
        memcpy(at + 1, &id, 8);
        memcpy(at + HEADER_BYTES, &job, 8);
      }
      pending = (size_t)next * message;
      written = 0;
    }
    struct pollfd poller = {fd, (short)(POLLIN | (written < pending ? POLLOUT : 0)), 0};
    errno = 0;
    if (poll(&poller, 1, SILENT_MS_MAX) <= 0) fail("the worker does not answer");
    if (poller.revents & POLLOUT) {
      ssize_t size = write(fd, out + written, pending - written);
      if (size > 0) written += (size_t)size;
    }
    if (poller.revents & (POLLIN | POLLHUP)) {
      ssize_t size = read(fd, in, READ_BYTES);
      if (size == 0 || (size < 0 && errno != EAGAIN)) fail("the worker has closed the connection");
      if (size > 0) got += (size_t)size;
      answered = (long)(got / answer);
      if (started == 0 && answered >= warm) started = now(), before = answered;
    }
  }
  /* With one read, a few more answers than the warm-up's may have come: all, if there are few. That took no time. */
  double part = before < total ? (double)jobs / (double)(total - before) : 0;
  printf("%.6f\n", (now() - started) * part);
  return 0;
}
