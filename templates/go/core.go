// {{name}}: a compute core for distcomp. It adds up the numbers of its input, one on each line.
package main

// #include <stdlib.h>
// #include "distcomp.h"
import "C"

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"unsafe"
)

// compute is the work: the output for one input. An error is printed, and the job has failed; so is a panic.
func compute(input []byte) ([]byte, error) {
	sum := 0.0
	lines := bufio.NewScanner(bytes.NewReader(input))
	for number := 1; lines.Scan(); number++ {
		value, err := strconv.ParseFloat(lines.Text(), 64)
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is not a number", number, lines.Text())
		}
		sum += value
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%.3f\n", sum), nil
}

// Called once. Open files and devices here. Anything but 0: this core cannot work here.
//
//export worker_init
func worker_init(version C.int32_t) C.int32_t {
	if version != C.DISTCOMP_API_VERSION {
		return 1
	}
	return 0
}

// Called for each job. Anything but 0: the job has failed.
//
//export worker_run_job
func worker_run_job(size C.uint64_t, data unsafe.Pointer, outsize *C.uint64_t, outdata *unsafe.Pointer) (exitCode C.int32_t) {
	// Without this, a panic would end the process. It does not see panics of other goroutines.
	defer func() {
		if problem := recover(); problem != nil {
			fmt.Fprintf(os.Stderr, "panic: %v\n%s", problem, debug.Stack())
			exitCode = 1
		}
	}()
	output, err := compute(unsafe.Slice((*byte)(data), int(size)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// The caller must not be given memory that Go may move or collect.
	*outsize, *outdata = C.uint64_t(len(output)), C.CBytes(output)
	return 0
}

// Called after each job, with what worker_run_job has stored: nil if that was nothing.
//
//export worker_free_outdata
func worker_free_outdata(size C.uint64_t, outdata unsafe.Pointer) {
	C.free(outdata)
}

func main() {} // -buildmode=c-shared wants it; it is never called
