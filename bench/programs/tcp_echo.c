/*
 * What one TCP connection on loopback can do: one process sends messages and another one returns whatever it reads,
 * without looking at it.
 *
 *     tcp_echo JOBS BYTES WINDOW
 *
 * Prints the seconds from the first send to the last answer.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)1 << 20)

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void set_no_delay(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void echo(int listener, int other) {
  close(other); /* this copy of it would keep the connection open */
  int fd = accept(listener, NULL, NULL);
  char *bytes = malloc(PIECE_BYTES);
  set_no_delay(fd);
  for (ssize_t got; (got = read(fd, bytes, PIECE_BYTES)) > 0;) {
    for (ssize_t at = 0; at < got;) {
      ssize_t written = write(fd, bytes + at, (size_t)(got - at));
      if (written <= 0) _exit(1);
      at += written;
    }
  }
  _exit(0);
}

int main(int count, char **args) {
  if (count != 4) return fprintf(stderr, "usage: tcp_echo JOBS BYTES WINDOW\n"), 2;
  size_t size = (size_t)atol(args[2]), total = (size_t)atol(args[1]) * size;
  size_t window = (size_t)atol(args[3]) * size;
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
  inet_aton("127.0.0.1", &address.sin_addr);
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1)) return perror("listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  if (fork() == 0) echo(listener, fd);
  if (connect(fd, (struct sockaddr *)&address, length)) return perror("connect"), 1;
  set_no_delay(fd);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  char *out = calloc(1, PIECE_BYTES), *in = malloc(PIECE_BYTES);
  size_t sent = 0, got = 0;
  double started = now();
  while (got < total) {
    size_t room = window - (sent - got);
    size_t next = total - sent < room ? total - sent : room;
    if (next > PIECE_BYTES) next = PIECE_BYTES;
    struct pollfd poller = {fd, (short)(POLLIN | (next > 0 ? POLLOUT : 0)), 0};
    poll(&poller, 1, -1);
    if (poller.revents & POLLOUT) {
      ssize_t written = write(fd, out, next);
      if (written > 0) sent += (size_t)written;
    }
    if (poller.revents & (POLLIN | POLLHUP)) {
      ssize_t read_now = read(fd, in, PIECE_BYTES);
      if (read_now == 0) return fprintf(stderr, "the connection is closed\n"), 1;
      if (read_now > 0) got += (size_t)read_now;
    }
  }
  printf("%.6f\n", now() - started);
  return 0;
}
