/**
 * Which variables of a worker's environment its slots inherit: what belongs to the machine. A variable that changes
 * what a core computes must come with the run (`--env`), or the same job would have another output on another
 * machine, and nobody would know.
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** Each with what needs it. A `*` stands for any end of a name. */
const INHERITED = [
  // Programs that a core starts, and libraries that look for files of their user.
  ...["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "NO_COLOR", "XDG_*"],
  // Language and time zone of the machine.
  ...["LANG", "LANGUAGE", "LC_*", "TZ", "TZDIR", "LOCPATH"],
  // The loader and the C library.
  ...["LD_*", "DYLD_*", "GLIBC_TUNABLES", "MALLOC_*", "GCONV_PATH"],
  // Where languages and packages are installed on this machine.
  ...["PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "JULIA_DEPOT_PATH", "MODULEPATH"],
  // Threads and memory: how fast, not what.
  ...["OMP_*", "GOMP_*", "KMP_*", "OPENBLAS_*", "GOTO_NUM_THREADS", "MKL_*", "BLIS_*", "NUMEXPR_*"],
  ...["VECLIB_*", "NUMBA_NUM_THREADS", "RAYON_*", "POLARS_MAX_THREADS", "GOMAXPROCS", "GOGC"],
  ...["GOMEMLIMIT", "JULIA_NUM_THREADS", "TBB_*", "TF_NUM_*", "VIPS_CONCURRENCY"],
  ...["MAGICK_THREAD_LIMIT", "OPENCV_FOR_THREADS_NUM"],
  // Devices and their drivers.
  ...["CUDA_*", "NVIDIA_*", "NCCL_*", "HIP_*", "ROCR_*", "ROCM_*", "HSA_*", "GPU_*", "ZE_*"],
  ...["SYCL_*", "ONEAPI_*", "OCL_*"],
  // What fails: sanitizers, stacks, dumps.
  ...["ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "MSAN_OPTIONS"],
  ...["RUST_BACKTRACE", "GOTRACEBACK", "GODEBUG"],
  // The way to the network from this machine.
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"],
  ...["http_proxy", "https_proxy", "no_proxy", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"],
  // distcomp itself, and the runtime that it runs on.
  ...["DISTCOMP_SPAWNED_AS", "DENO_*", "BUN_*", "NODE_EXTRA_CA_CERTS"],
];

const NAMES: ReadonlySet<string> = new Set(INHERITED.filter((name) => !name.endsWith("*")));
const PREFIXES = INHERITED.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));

/** Whether slots inherit a variable from their worker. */
export function isInherited(name: string): boolean {
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** The part of an environment that slots inherit. */
export function inheritedBySlots(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => isInherited(name)));
}
