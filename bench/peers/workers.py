"""The engines that bench/compare asks for times: minnow's benchmark, and workers of this folder."""

import contextlib
import dataclasses
import json
import os
import pathlib
import select
import subprocess
import tempfile

LIMIT = 150  # seconds for one answer: a compiler may be at work
PEERS = pathlib.Path(__file__).resolve().parent


class NotMeasured(Exception):
    """The reason goes into the table."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where an engine runs: on cores of the CPU, a thread each, or on the GPU in a precision."""

    device: str
    cpus: tuple
    precision: str = "fp32"

    def label(self):
        return ({"threads": len(self.cpus)} if self.device == "cpu"
                else {"precision": self.precision})

    def benchmark(self):
        """In the names of minnow_bench."""
        return (f"cpu/threads:{len(self.cpus)}" if self.device == "cpu"
                else f"{self.device}/{self.precision}")

    def process_options(self):
        if self.device != "cpu":
            # Several workers share the memory of the GPU.
            gpu = {"JAX_PLATFORMS": self.device, "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
                   "TORCHINDUCTOR_COMPILE_THREADS": "4", "TF_CPP_MIN_LOG_LEVEL": "2"}
            return {"stdout": subprocess.PIPE, "env": os.environ | gpu}
        threads = str(len(self.cpus))
        return {
            "preexec_fn": lambda: os.sched_setaffinity(0, self.cpus),
            "stdout": subprocess.PIPE,
            "env": os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads,
                                 "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu",
                                 "TF_CPP_MIN_LOG_LEVEL": "2"},
        }


class Minnow:
    """build/bin/minnow_bench, started for every answer."""

    def __init__(self, program, place):
        self.program, self.place, self.versions = program, place, "minnow"

    def build(self, model, batch):
        pass

    def ask(self, model, batch, seconds):
        name = f"step/{model}/batch:{batch}/{self.place.benchmark()}"
        command = [self.program, f"--benchmark_filter=^{name}(/manual_time)?$",
                   "--benchmark_format=json", f"--benchmark_min_time={seconds}"]
        done = subprocess.run(command, **self.place.process_options(), stderr=subprocess.PIPE,
                              timeout=LIMIT, check=False)
        try:
            report = json.loads(done.stdout)
            entry = report["benchmarks"][0]
        except (ValueError, LookupError):
            raise NotMeasured(last_line(done.stderr.decode()) or f"no {name}") from None
        if entry.get("error_occurred"):
            raise NotMeasured(entry["error_message"])
        self.versions = " ".join(filter(None, ["minnow", report["context"].get("minnow"),
                                               entry.get("label")]))
        unit = {"ns": 1e-3, "us": 1, "ms": 1e3, "s": 1e6}[entry["time_unit"]]
        return {"us_per_step": entry["real_time"] * unit,
                "cpu_us_per_step": entry["cpu_us"],
                "kernels_us_per_step": entry.get("kernels_us"),
                "loss": entry.get("loss")}

    def cpu_seconds(self):
        times = os.times()
        return times.children_user + times.children_system

    def close(self):
        pass


class Peer:
    """A worker, kept warm. Once it failed, it answers with the reason only."""

    def __init__(self, python, engine, place):
        library, mode = engine.split()
        self.errors = tempfile.TemporaryFile("w+")
        self.failure = None
        self.process = subprocess.Popen(
            [python, "-B", PEERS / f"peer_{library}.py", mode, str(len(place.cpus)), place.device,
             place.precision],
            **place.process_options(), stdin=subprocess.PIPE, stderr=self.errors)
        self.versions = None

    def ready(self):
        """Waits until it is; its failure is the answer to whatever is asked."""
        with contextlib.suppress(NotMeasured):
            self.versions = self.answer()["versions"]

    def answer(self):
        """One line of JSON; whatever else happens is the end of the worker."""
        if self.failure:
            raise NotMeasured(self.failure)
        if select.select([self.process.stdout], [], [], LIMIT)[0]:
            line = self.process.stdout.readline()
            if line:
                answer = json.loads(line)
                if "error" in answer:
                    raise NotMeasured(answer["error"])
                return answer
            self.process.wait()
            self.errors.seek(0)
            self.failure = last_line(self.errors.read()) or f"exit {self.process.returncode}"
        else:
            self.failure = f"no answer within {LIMIT} s"
            self.process.kill()
        raise NotMeasured(self.failure)

    def send(self, model, batch, seconds):
        with contextlib.suppress(BrokenPipeError):  # answer() knows why
            self.process.stdin.write(f"{model} {batch} {seconds}\n".encode())
            self.process.stdin.flush()

    def ask(self, model, batch, seconds):
        if not self.failure:
            self.send(model, batch, seconds)
        return self.answer()

    def build(self, model, batch):
        self.ask(model, batch, 0.01)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.kill()
        self.process.wait()


def last_line(text):
    return (text.strip().splitlines() or [""])[-1][:100]
