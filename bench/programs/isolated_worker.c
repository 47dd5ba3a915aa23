/*
 * The least worker of protocol version 1 that treats memory as distcomp's does: the core runs in processes of its own,
 * an input goes from the socket straight into memory that they share, and an output is copied once, from the core's
 * memory into the shared one. It has no limits, no recovery and no second version. It shows what this design can do at
 * best with inputs that are large: small ones are not batched.
 *
 *     isolated_worker SLOTS BYTES_MAX
 *
 * Prints where it listens, and serves one connection after the other until it is killed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OK = 1, HEADER_BYTES = 17, JOB_BYTES = HEADER_BYTES + 16, RESULT_BYTES = HEADER_BYTES + 12 };

/* So many jobs may be here at once, and each slot gets a second one before it has ended the first. */
enum { JOBS_MAX = 64, SLOTS_MAX = 16, AHEAD = 2, NONE = -1 };

typedef int (*run_job)(uint64_t, void *, uint64_t *, void **);
typedef void (*free_outdata)(uint64_t, void *);

/* A job in shared memory. Slots hear and say only its number. */
struct job {
  uint64_t id, bytes_in, bytes_out;
  int32_t code;
  unsigned char *input, *output;
};

/* Numbers of jobs. */
struct queue {
  int items[JOBS_MAX], count;
};

/* One connection. */
struct worker {
  int fd, slots, sockets[SLOTS_MAX], begun[SLOTS_MAX];
  size_t bytes_max;
  struct queue spare, ready, done;
  int arriving; /* the job that is being read */
  unsigned char head[JOB_BYTES];
  size_t got, sent; /* bytes of the job that arrives, and of the result that leaves */
};

static struct job *jobs;

static void put(struct queue *queue, int item) { queue->items[queue->count++] = item; }

static int take_last(struct queue *queue) { return queue->items[--queue->count]; }

static int take_first(struct queue *queue) {
  int item = queue->items[0];
  memmove(queue->items, queue->items + 1, (size_t)--queue->count * sizeof item);
  return item;
}

static void fail(const char *what) {
  if (errno) perror(what);
  else fprintf(stderr, "%s\n", what);
  exit(1);
}

static void write_all(int fd, const void *bytes, size_t size) {
  for (const char *at = bytes; size > 0;) {
    ssize_t written = write(fd, at, size);
    if (written < 0) fail("write");
    at += written;
    size -= (size_t)written;
  }
}

/* Ends the process at the end of the connection. */
static void read_all(int fd, void *bytes, size_t size) {
  for (char *at = bytes; size > 0;) {
    ssize_t got = read(fd, at, size);
    if (got <= 0) exit(0);
    at += got;
    size -= (size_t)got;
  }
}

/* The bytes that a read or a write without waiting has moved. Ends the process with the connection. */
static size_t moved(ssize_t size) {
  if (size == 0 || (size < 0 && errno != EAGAIN)) exit(0);
  return size < 0 ? 0 : (size_t)size;
}

static void serve_slot(int fd, int core) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", core);
  void *library = dlopen(path, RTLD_NOW);
  errno = 0;
  if (!library) fail(dlerror());
  run_job run = (run_job)dlsym(library, "worker_run_job");
  free_outdata release = (free_outdata)dlsym(library, "worker_free_outdata");
  if (((int (*)(int))dlsym(library, "worker_init"))(1) != 0) fail("worker_init");
  for (int number;;) {
    read_all(fd, &number, sizeof number);
    struct job *job = &jobs[number];
    void *output = NULL;
    job->bytes_out = 0;
    job->code = run(job->bytes_in, job->input, &job->bytes_out, &output);
    memcpy(job->output, output, job->bytes_out);
    release(job->bytes_out, output);
    write_all(fd, &number, sizeof number);
  }
}

static void map_jobs(size_t bytes_max) {
  size_t room = (bytes_max / 4096 + 1) * 4096, table = (sizeof *jobs * JOBS_MAX / 4096 + 1) * 4096;
  size_t size = table + 2 * room * JOBS_MAX;
  unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  jobs = (struct job *)memory;
  for (int number = 0; number < JOBS_MAX; number++) {
    jobs[number].input = memory + table + 2 * room * (size_t)number;
    jobs[number].output = jobs[number].input + room;
  }
}

/* Answers the version and the core. Returns the core's content as a file. */
static int greet(int fd) {
  unsigned char head[HEADER_BYTES + 4];
  uint64_t one = 1, none = 0, payload, name;
  read_all(fd, head, sizeof head);
  head[0] = head[HEADER_BYTES] = OK;
  memcpy(head + 9, &one, 8);
  write_all(fd, head, HEADER_BYTES + 1);
  read_all(fd, head, HEADER_BYTES);
  memcpy(&payload, head + 9, 8);
  char *content = malloc(payload);
  read_all(fd, content, payload);
  memcpy(&name, content, 8);
  int core = memfd_create("core", 0);
  write_all(core, content + 16 + name, payload - 16 - name);
  free(content);
  head[0] = OK;
  memcpy(head + 9, &none, 8);
  write_all(fd, head, HEADER_BYTES);
  return core;
}

/* A process per slot, with the core loaded. Returns this side of its socket. */
static int start_slot(const struct worker *worker, int core) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) fail("socketpair");
  if (fork() == 0) {
    close(worker->fd);
    for (int slot = 0; slot < worker->slots; slot++) close(worker->sockets[slot]);
    close(pair[0]);
    serve_slot(pair[1], core);
  }
  close(pair[1]);
  return pair[0];
}

/* Reads a part of the next job. */
static void receive(struct worker *worker) {
  struct job *job = &jobs[worker->arriving];
  if (worker->got < JOB_BYTES) {
    worker->got += moved(read(worker->fd, worker->head + worker->got, JOB_BYTES - worker->got));
    if (worker->got < JOB_BYTES) return;
    memcpy(&job->id, worker->head + 1, 8);
    memcpy(&job->bytes_in, worker->head + HEADER_BYTES + 8, 8);
    if (job->bytes_in > worker->bytes_max) fail("an input is larger than it may be");
  }
  size_t at = worker->got - JOB_BYTES;
  if (at < job->bytes_in) worker->got += moved(read(worker->fd, job->input + at, job->bytes_in - at));
  if (worker->got < JOB_BYTES + job->bytes_in) return;
  put(&worker->ready, worker->arriving);
  worker->arriving = worker->spare.count > 0 ? take_last(&worker->spare) : NONE;
  worker->got = 0;
}

/* Gives jobs to slots: the first one to each of them before the second one to any. */
static void hand_out(struct worker *worker) {
  for (int ahead = 1; ahead <= AHEAD; ahead++) {
    for (int slot = 0; slot < worker->slots && worker->ready.count > 0; slot++) {
      if (worker->begun[slot] >= ahead) continue;
      int number = take_first(&worker->ready);
      write_all(worker->sockets[slot], &number, sizeof number);
      worker->begun[slot]++;
    }
  }
}

/* Writes a part of the first result. Returns whether that was its last one. */
static int answer(struct worker *worker) {
  struct job *job = &jobs[worker->done.items[0]];
  uint64_t payload = 12 + job->bytes_out, size = RESULT_BYTES + job->bytes_out;
  unsigned char head[RESULT_BYTES] = {OK};
  memcpy(head + 1, &job->id, 8);
  memcpy(head + 9, &payload, 8);
  memcpy(head + HEADER_BYTES, &job->code, 4);
  memcpy(head + HEADER_BYTES + 4, &job->bytes_out, 8);
  size_t of_head = worker->sent < RESULT_BYTES ? worker->sent : RESULT_BYTES;
  size_t of_output = worker->sent - of_head;
  struct iovec parts[2] = {{head + of_head, RESULT_BYTES - of_head},
                           {job->output + of_output, job->bytes_out - of_output}};
  worker->sent += moved(writev(worker->fd, parts, 2));
  if (worker->sent < size) return 0;
  put(&worker->spare, take_first(&worker->done));
  if (worker->arriving == NONE) worker->arriving = take_last(&worker->spare);
  worker->sent = 0;
  return 1;
}

/* Waits until there is something to do, and does it. */
static void turn(struct worker *worker) {
  short wanted = (short)((worker->arriving == NONE ? 0 : POLLIN) | (worker->done.count > 0 ? POLLOUT : 0));
  struct pollfd pollers[1 + SLOTS_MAX] = {{worker->fd, wanted, 0}};
  for (int slot = 0; slot < worker->slots; slot++) {
    pollers[1 + slot] = (struct pollfd){worker->sockets[slot], POLLIN, 0};
  }
  if (poll(pollers, (nfds_t)(1 + worker->slots), -1) < 0) fail("poll");
  if (worker->arriving != NONE && pollers[0].revents & (POLLIN | POLLHUP)) receive(worker);
  for (int slot = 0; slot < worker->slots; slot++) {
    int number;
    if (!(pollers[1 + slot].revents & (POLLIN | POLLHUP))) continue;
    read_all(worker->sockets[slot], &number, sizeof number);
    put(&worker->done, number);
    worker->begun[slot]--;
  }
  hand_out(worker);
  while (worker->done.count > 0 && answer(worker)) continue;
}

static void serve(int fd, int slots, size_t bytes_max) {
  struct worker worker = {.fd = fd, .bytes_max = bytes_max};
  map_jobs(bytes_max);
  int core = greet(fd);
  for (; worker.slots < slots; worker.slots++) worker.sockets[worker.slots] = start_slot(&worker, core);
  for (int number = 0; number < JOBS_MAX; number++) put(&worker.spare, number);
  worker.arriving = take_last(&worker.spare); /* the last one that was used: its memory is in the caches */
  fcntl(fd, F_SETFL, O_NONBLOCK);
  for (;;) turn(&worker);
}

int main(int count, char **args) {
  errno = 0;
  if (count != 3 || atoi(args[1]) > SLOTS_MAX) fail("usage: isolated_worker SLOTS BYTES_MAX");
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  inet_aton("127.0.0.1", &address.sin_addr);
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1)) fail("listen");
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("listening on 127.0.0.1:%d, %s slots\n", ntohs(address.sin_port), args[1]);
  fflush(stdout);
  signal(SIGCHLD, SIG_IGN);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) fail("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (fork() == 0) {
      close(listener);
      serve(fd, atoi(args[1]), (size_t)atol(args[2]));
    }
    close(fd);
  }
}
