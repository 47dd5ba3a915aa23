"""The same work with Dask, Ray or HyperQueue, as their documentation shows it.

    python3 python_peers.py dask|ray|hyperqueue SLOTS

Prints "ready". For each line "JOBS BYTES WINDOW" on stdin, runs so many jobs with so many bytes each, with so many of
them submitted at once, and prints the seconds. HyperQueue runs a process for each job, which gets no input.
"""

import importlib
import sys
import tempfile
import time


def echo(data):
    return bytes(data)


class Dask:
    def __init__(self, slots):
        from dask.distributed import Client, LocalCluster

        # A worker process per slot, as for distcomp; results must not be cached.
        cluster = LocalCluster(n_workers=slots, threads_per_worker=1, dashboard_address=None)
        self.client = Client(cluster)

    def run(self, jobs, size):
        inputs = [bytearray(size) for _ in range(jobs)]
        self.client.gather(self.client.map(echo, inputs, pure=False))


class Ray:
    def __init__(self, slots):
        import ray

        ray.init(num_cpus=slots, include_dashboard=False, log_to_driver=False, configure_logging=False)
        self.ray = ray
        self.echo = ray.remote(echo)

    def run(self, jobs, size):
        data = bytearray(size)
        self.ray.get([self.echo.remote(data) for _ in range(jobs)])


class HyperQueue:
    def __init__(self, slots):
        from hyperqueue import LocalCluster
        from hyperqueue.cluster import WorkerConfig

        self.cluster = LocalCluster()
        self.cluster.start_worker(WorkerConfig(cores=slots))
        self.client = self.cluster.client()

    def run(self, jobs, _size):
        from hyperqueue import Job

        job = Job(default_workdir=tempfile.gettempdir())
        for _ in range(jobs):
            job.program(["/bin/true"], stdout=None, stderr=None)
        self.client.wait_for_jobs([self.client.submit(job)])


PEERS = {"dask": ("distributed", Dask), "ray": ("ray", Ray), "hyperqueue": ("hyperqueue", HyperQueue)}


def main():
    module, peer_class = PEERS[sys.argv[1]]
    try:
        importlib.import_module(module)
    except ImportError:
        return print(f"missing: pip install {sys.argv[1]}", flush=True)
    peer = peer_class(int(sys.argv[2]))
    print("ready", flush=True)
    for line in sys.stdin:
        jobs, size, window = (int(word) for word in line.split())
        started = time.monotonic()
        for first in range(0, jobs, window):
            peer.run(min(window, jobs - first), size)
        print(f"seconds {time.monotonic() - started:.6f}", flush=True)


if __name__ == "__main__":
    main()
