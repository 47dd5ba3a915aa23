/*
 * The same work as an MPI program would do it: a master sends inputs to all other ranks, each of which copies and returns
 * them. The master has WINDOW inputs in flight to each rank.
 *
 *     mpirun -n RANKS mpi_echo JOBS BYTES WINDOW
 *
 * Prints the seconds from the first send to the last answer.
 */
#include "mpi_ranks.h"

static void start(const char *input, char *output, int bytes, int rank, MPI_Request *send,
                  MPI_Request *receive) {
  MPI_Irecv(output, bytes, MPI_BYTE, rank, INPUT_TAG, MPI_COMM_WORLD, receive);
  if (*send != MPI_REQUEST_NULL) MPI_Wait(send, MPI_STATUS_IGNORE);
  MPI_Isend(input, bytes, MPI_BYTE, rank, INPUT_TAG, MPI_COMM_WORLD, send);
}

static void distribute(long jobs, int bytes, int window, int workers) {
  int places = window * workers;
  const char *input = calloc(1, (size_t)bytes + 1);
  MPI_Request *receives = malloc(sizeof(MPI_Request) * (size_t)places);
  MPI_Request *sends = malloc(sizeof(MPI_Request) * (size_t)places);
  char **outputs = malloc(sizeof(char *) * (size_t)places);
  long sent = 0;
  double started = MPI_Wtime();
  for (int place = 0; place < places; place++) {
    outputs[place] = malloc((size_t)bytes + 1);
    sends[place] = receives[place] = MPI_REQUEST_NULL;
    if (sent >= jobs) continue;
    start(input, outputs[place], bytes, 1 + place % workers, &sends[place], &receives[place]);
    sent += 1;
  }
  for (long answered = 0; answered < jobs; answered++) {
    int place;
    MPI_Status status;
    MPI_Waitany(places, receives, &place, &status);
    if (sent >= jobs) continue;
    start(input, outputs[place], bytes, status.MPI_SOURCE, &sends[place], &receives[place]);
    sent += 1;
  }
  printf("%.6f\n", MPI_Wtime() - started);
  MPI_Waitall(places, sends, MPI_STATUSES_IGNORE);
  end_ranks(workers);
}

int main(int count, char **args) {
  int ranks, rank = begin(&count, &args, 3, "mpi_echo JOBS BYTES WINDOW", &ranks);
  int bytes = atoi(args[2]);
  if (rank == 0) distribute(atol(args[1]), bytes, atoi(args[3]), ranks - 1);
  else serve(bytes);
  MPI_Finalize();
  return 0;
}
