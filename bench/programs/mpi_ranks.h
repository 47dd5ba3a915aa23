/* What the ranks of mpi_echo.c and mpi_files.c have in common. */
#ifndef MPI_RANKS_H
#define MPI_RANKS_H

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_TAG = 1, END_TAG = 2 };

/* Begins a program with so many arguments, and returns the rank of this process. `ranks`: how many there are. */
static int begin(int *count, char ***args, int arguments, const char *usage, int *ranks) {
  int rank;
  MPI_Init(count, args);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, ranks);
  if (*count == arguments + 1 && *ranks >= 2) return rank;
  fprintf(stderr, "usage: mpirun -n RANKS %s\n", usage);
  MPI_Abort(MPI_COMM_WORLD, 2);
  return rank;
}

/* Returns each input to the master, until that ends it. */
static void serve(int bytes) {
  char *input = malloc((size_t)bytes + 1), *output = malloc((size_t)bytes + 1);
  for (;;) {
    MPI_Status status;
    MPI_Recv(input, bytes, MPI_BYTE, 0, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
    if (status.MPI_TAG == END_TAG) return;
    memcpy(output, input, (size_t)bytes);
    MPI_Send(output, bytes, MPI_BYTE, 0, INPUT_TAG, MPI_COMM_WORLD);
  }
}

/* The master needs the other ranks no longer. */
static void end_ranks(int workers) {
  for (int rank = 1; rank <= workers; rank++) {
    MPI_Send(NULL, 0, MPI_BYTE, rank, END_TAG, MPI_COMM_WORLD);
  }
}

#endif
