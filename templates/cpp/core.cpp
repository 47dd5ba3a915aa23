// {{name}}: a compute core for distcomp. It adds up the numbers of its input, one on each line.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>

#include "distcomp.h"

namespace {

// The output of the last job. Calls never overlap, so that it needs no lock.
std::string answer;

double read_number(const std::string &line) {
    char *end = nullptr;
    const double number = std::strtod(line.c_str(), &end);
    if (line.empty() || end != line.c_str() + line.size()) {
        throw std::invalid_argument(std::string("\"") + line.c_str() + "\" is not a number");
    }
    return number;
}

// The work: the output for one input. What it throws is printed, and the job has failed.
std::string compute(const std::string &input) {
    std::istringstream lines(input);
    std::string line;
    double sum = 0;
    for (int number = 1; std::getline(lines, line); number++) {
        if (!line.empty() && line.back() == '\r') line.pop_back();  // a line of Windows
        try {
            sum += read_number(line);
        } catch (const std::invalid_argument &error) {
            throw std::invalid_argument("line " + std::to_string(number) + ": " + error.what());
        }
    }
    std::ostringstream text;
    text.precision(3);
    text << std::fixed << sum << '\n';
    return text.str();
}

// Runs `work` so that no exception leaves it, which would end the process. Prints what it was.
template <typename Work>
int32_t guarded(Work work) noexcept {
    try {
        work();
        return 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
    } catch (...) {
        std::fprintf(stderr, "an exception that is not a std::exception\n");
    }
    return 1;
}

}  // namespace

// Called once. Open files and devices here, inside guarded(). Anything but 0: this core cannot work here.
int32_t worker_init(int32_t version) { return version == DISTCOMP_API_VERSION ? 0 : 1; }

// Called for each job. Anything but 0: the job has failed.
int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata) {
    return guarded([&] {
        answer = compute(std::string(static_cast<char *>(data), size));
        *outsize = answer.size();
        *outdata = answer.data();
    });
}

// Called after each job. Free what worker_run_job has allocated; here `answer` is used again.
void worker_free_outdata(uint64_t, void *) {}
