// {{name}}: a compute core for distcomp. It adds up the numbers of its input, one on each line, on a GPU.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <cuda_runtime.h>

#include "distcomp.h"

namespace {

constexpr int kThreads = 256;
constexpr int kBlocksMax = 1024;

// The output of the last job. Calls never overlap, so that it needs no lock.
std::string answer;

// Every call of CUDA goes through this. A kernel says what went wrong only when it is asked.
void check(cudaError_t status, const char *what) {
    if (status == cudaSuccess) return;
    throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
}

// Memory of the GPU, freed when it goes out of scope.
class DeviceNumbers {
  public:
    explicit DeviceNumbers(const std::vector<double> &numbers) {
        const size_t bytes = numbers.size() * sizeof(double);
        check(cudaMalloc(&data_, bytes), "cudaMalloc");
        const cudaError_t status = cudaMemcpy(data_, numbers.data(), bytes, cudaMemcpyHostToDevice);
        if (status != cudaSuccess) cudaFree(data_);
        check(status, "cudaMemcpy to the GPU");
    }
    ~DeviceNumbers() { cudaFree(data_); }
    DeviceNumbers(const DeviceNumbers &) = delete;
    DeviceNumbers &operator=(const DeviceNumbers &) = delete;
    double *data() const { return data_; }

  private:
    double *data_ = nullptr;
};

__global__ void add(const double *numbers, size_t count, double *sum) {
    double part = 0;
    const size_t stride = static_cast<size_t>(gridDim.x) * blockDim.x;
    for (size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) {
        part += numbers[i];
    }
    atomicAdd(sum, part);
}

double add_on_gpu(const std::vector<double> &numbers) {
    if (numbers.empty()) return 0;
    const DeviceNumbers input(numbers), sum(std::vector<double>(1, 0.0));
    const size_t blocks = (numbers.size() + kThreads - 1) / kThreads;
    add<<<static_cast<int>(blocks < kBlocksMax ? blocks : kBlocksMax), kThreads>>>(
        input.data(), numbers.size(), sum.data());
    check(cudaGetLastError(), "starting the kernel");
    check(cudaDeviceSynchronize(), "the kernel");
    double result = 0;
    check(cudaMemcpy(&result, sum.data(), sizeof result, cudaMemcpyDeviceToHost), "cudaMemcpy from the GPU");
    return result;
}

// The work: the output for one input. What it throws is printed, and the job has failed.
std::string compute(const std::string &input) {
    std::istringstream lines(input);
    std::string line;
    std::vector<double> numbers;
    while (std::getline(lines, line)) {
        if (!line.empty() && line.back() == '\r') line.pop_back();  // a line of Windows
        char *end = nullptr;
        numbers.push_back(std::strtod(line.c_str(), &end));
        if (!line.empty() && end == line.c_str() + line.size()) continue;
        throw std::invalid_argument("line " + std::to_string(numbers.size()) + ": \"" + line.c_str() +
                                    "\" is not a number");
    }
    std::ostringstream text;
    text.precision(3);
    text << std::fixed << add_on_gpu(numbers) << '\n';
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
    // After a fault in a kernel, every call of CUDA in this process fails. Only a new process helps.
    if (cudaDeviceSynchronize() != cudaSuccess) std::_Exit(1);
    return 1;
}

}  // namespace

// Called once. A worker with --gpus gives each slot its own GPU, which is always number 0 here.
int32_t worker_init(int32_t version) {
    if (version != DISTCOMP_API_VERSION) return 1;
    return guarded([] { check(cudaSetDevice(0), "cudaSetDevice"); });
}

// Called for each job. Anything but 0: the job has failed.
int32_t worker_run_job(uint64_t size, void *data, uint64_t *outsize, void **outdata) {
    return guarded([&] {
        answer = compute(std::string(static_cast<char *>(data), size));
        *outsize = answer.size();
        *outdata = &answer[0];
    });
}

// Called after each job. Free what worker_run_job has allocated; here `answer` is used again.
void worker_free_outdata(uint64_t, void *) {}
