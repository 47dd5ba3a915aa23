/* Runs core.py, which the Makefile puts into this library, in an embedded Python. */

#define PY_SSIZE_T_CLEAN
#include <Python.h> /* first, as Python wants it; it asks the C library for dladdr too */

#include <dlfcn.h>

#include "distcomp.h"

/* The text of core.py. */
static const unsigned char source[] = {
#include "core_py.h"
};

/* The function `run` of core.py, and the output of the last job. */
static PyObject *run, *answer;

/* Prints the traceback of the exception that has just been raised. */
static int fail(void) {
    PyErr_Print();
    return 1;
}

static int start_python(void) {
    /* A core is loaded with RTLD_LOCAL. Python's own modules in C, such as numpy's, are not linked to Python:
     * they want its symbols to be global. */
    Dl_info python;
    if (!dladdr((void *)Py_IsInitialized, &python) ||
        !dlopen(python.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD)) {
        fprintf(stderr, "cannot make the symbols of Python global\n");
        return 1;
    }
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.install_signal_handlers = 0; /* Ctrl-C is for distcomp */
    config.buffered_stdio = 0;          /* what is printed appears at once */
    /* The Python that has built this library, with its packages: that of a virtual environment too. */
    PyStatus status = PyConfig_SetBytesString(&config, &config.program_name, PYTHON);
    if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (!PyStatus_Exception(status)) return 0;
    fprintf(stderr, "cannot start Python: %s\n", status.err_msg ? status.err_msg : "it wants to exit");
    return 1;
}

int32_t worker_init(int32_t version) {
    if (version != DISTCOMP_API_VERSION || start_python() != 0) return 1;
    PyObject *code = Py_CompileString((const char *)source, "core.py", Py_file_input);
    PyObject *module = code ? PyImport_ExecCodeModule("core", code) : NULL;
    run = module ? PyObject_GetAttrString(module, "run") : NULL;
    return run ? 0 : fail();
}

int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata) {
    char *bytes;
    Py_ssize_t length;
    answer = PyObject_CallFunction(run, "y#", (char *)data, (Py_ssize_t)size);
    if (!answer || PyBytes_AsStringAndSize(answer, &bytes, &length) != 0) return fail();
    *outsize = (uint64_t)length;
    *outdata = bytes;
    return 0;
}

void worker_free_outdata(uint64_t size, void *outdata) {
    (void)size;
    (void)outdata;
    Py_CLEAR(answer);
}
