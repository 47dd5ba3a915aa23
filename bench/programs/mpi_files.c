/*
 * The work of mpi_echo.c with files: the master reads its inputs from one tar and writes the outputs to another, as they
 * come. It keeps no journal and checks nothing.
 *
 *     mpirun -n RANKS mpi_files INPUTS.tar OUTPUTS.tar BYTES WINDOW
 */
#include "mpi_ranks.h"

enum { BLOCK = 512, BUFFER = 1 << 20 };

/* A job in flight. The output gets the header of its input, as it has the same length. */
typedef struct {
  char header[BLOCK];
  char *input, *output;
} Place;

static FILE *opened(const char *path, const char *mode) {
  FILE *file = fopen(path, mode);
  if (file == NULL) {
    perror(path);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  setvbuf(file, NULL, _IOFBF, BUFFER);
  return file;
}

static size_t padding(size_t bytes) { return (BLOCK - bytes % BLOCK) % BLOCK; }

/* Reads the next file of the tar. Zero at the end. */
static int next_input(FILE *inputs, Place *place, size_t bytes) {
  char skipped[BLOCK];
  if (fread(place->header, 1, BLOCK, inputs) != BLOCK || place->header[0] == 0) return 0;
  return fread(place->input, 1, bytes, inputs) == bytes &&
         fread(skipped, 1, padding(bytes), inputs) == padding(bytes);
}

static void write_output(FILE *outputs, const Place *place, size_t bytes) {
  static const char zeros[BLOCK];
  fwrite(place->header, 1, BLOCK, outputs);
  fwrite(place->output, 1, bytes, outputs);
  fwrite(zeros, 1, padding(bytes), outputs);
}

static void start(const Place *place, int bytes, int rank, MPI_Request *send, MPI_Request *receive) {
  MPI_Irecv(place->output, bytes, MPI_BYTE, rank, INPUT_TAG, MPI_COMM_WORLD, receive);
  MPI_Isend(place->input, bytes, MPI_BYTE, rank, INPUT_TAG, MPI_COMM_WORLD, send);
}

static void distribute(FILE *inputs, FILE *outputs, int bytes, int window, int workers) {
  int count = window * workers;
  Place *places = malloc(sizeof(Place) * (size_t)count);
  MPI_Request *receives = malloc(sizeof(MPI_Request) * (size_t)count);
  MPI_Request *sends = malloc(sizeof(MPI_Request) * (size_t)count);
  for (int index = 0; index < count; index++) {
    Place *place = &places[index];
    place->input = malloc((size_t)bytes + 1);
    place->output = malloc((size_t)bytes + 1);
    receives[index] = sends[index] = MPI_REQUEST_NULL;
    if (!next_input(inputs, place, (size_t)bytes)) continue;
    start(place, bytes, 1 + index % workers, &sends[index], &receives[index]);
  }
  for (;;) {
    int index;
    MPI_Status status;
    MPI_Waitany(count, receives, &index, &status);
    if (index == MPI_UNDEFINED) break;
    write_output(outputs, &places[index], (size_t)bytes);
    MPI_Wait(&sends[index], MPI_STATUS_IGNORE);
    if (!next_input(inputs, &places[index], (size_t)bytes)) continue;
    start(&places[index], bytes, status.MPI_SOURCE, &sends[index], &receives[index]);
  }
  end_ranks(workers);
}

int main(int count, char **args) {
  int ranks, rank = begin(&count, &args, 4, "mpi_files INPUTS.tar OUTPUTS.tar BYTES WINDOW", &ranks);
  int bytes = atoi(args[3]);
  if (rank == 0) {
    FILE *inputs = opened(args[1], "r"), *outputs = opened(args[2], "w");
    static const char end[2 * BLOCK];
    distribute(inputs, outputs, bytes, atoi(args[4]), ranks - 1);
    fwrite(end, 1, sizeof end, outputs);
    if (fclose(outputs) != 0) MPI_Abort(MPI_COMM_WORLD, 1);
  } else {
    serve(bytes);
  }
  MPI_Finalize();
  return 0;
}
