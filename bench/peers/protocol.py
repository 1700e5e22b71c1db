"""What the peers share: the problem, and the conversation with bench/compare.

A worker runs one engine on a fixed number of threads: `peer_torch.py eager 2 cpu fp32`; on a GPU,
`cuda` with fp32, tf32 or bf16, the threads are the host's. It prints one line of JSON when it is
ready, {"versions": ...}, and one for each line "model batch seconds" that it reads:
{"us_per_step", "cpu_us_per_step", "loss"}, and "note" if there is one. The first answer about a model
includes compiling and Problem.steps steps to warm up; "loss" is that over all rows after exactly
those. A failure answers {"error": reason}.
"""

import json
import os
import sys
import time

import numpy as np

ROWS = 4096


class Problem:
    """Data, starting weights and batch size of a model such as 784-128-10: ReLU between layers,
    softmax cross-entropy over more than one output, else mean squared error."""

    def __init__(self, model, batch, device="cpu", precision="fp32"):
        sizes = [int(size) for size in model.split("-")]
        self.device, self.precision = device, precision
        products = batch * sum(inputs * outputs for inputs, outputs in zip(sizes, sizes[1:]))
        # A step of 4096-4096-4096-4096-4096 takes a second of a CPU: two batches have to do.
        rows = 2 * batch if device == "cpu" and products > 1e10 else ROWS
        self.sizes, self.batch, self.count = sizes, batch, rows // batch
        # Steps per call of an engine's run(); after them it reads the loss.
        self.steps = (cpu_steps if device == "cpu" else gpu_steps)(products, self.count)
        random = np.random.default_rng(1)
        self.classifier = sizes[-1] > 1
        self.x = random.random((rows, sizes[0]), np.float32)
        if self.classifier:  # pixels, half of them 0; every tenth is brighter in a class
            self.y = random.integers(sizes[-1], size=rows, dtype=np.int32)
            bright = np.arange(sizes[0])[None, :] % sizes[-1] == self.y[:, None]
            self.x = np.maximum(self.x - np.float32(0.5), 0) + np.float32(0.25) * bright
        else:
            self.y = random.random((rows, sizes[-1]), np.float32)
        self.weights = []  # kernel (inputs, outputs) and bias of each layer
        for inputs, outputs in zip(sizes, sizes[1:]):
            limit = np.sqrt(6 / (inputs + outputs))  # glorot_uniform
            kernel = random.uniform(-limit, limit, (inputs, outputs)).astype(np.float32)
            self.weights += [kernel, np.zeros(outputs, np.float32)]

    def batches(self):
        """x (batches, batch, inputs) and y, in the order in which they are taken."""
        return (self.x.reshape(self.count, self.batch, -1),
                self.y.reshape(self.count, self.batch, *self.y.shape[1:]))

    def loss(self, weights):
        """The loss over all rows, the same sum for every engine."""
        out = self.x
        for kernel, bias in zip(weights[:-2:2], weights[1:-2:2]):
            out = np.maximum(out @ kernel + bias, 0)
        out = out @ weights[-2] + weights[-1]
        if not self.classifier:
            return float(((out - self.y) ** 2).mean())
        out -= out.max(axis=1, keepdims=True)
        chosen = out[np.arange(len(out)), self.y]
        return float((np.log(np.exp(out).sum(axis=1)) - chosen).mean())


def cpu_steps(products, count):
    """So many that reading the loss does not count, or one pass over the data if they take long."""
    return 128 if products < 1.5e8 else count


def gpu_steps(products, count):
    """The same: 32 of milliseconds each."""
    return 1024 if products < 1e10 else 32


class Engine:
    """Derive: __init__(problem) builds and keeps the problem, run() does problem.steps steps and
    reads the last loss, weights() returns them as Problem.weights."""

    note = None  # what the reader of the time should know

    def measure(self, seconds):
        """(wall seconds, CPU seconds, steps), for at least `seconds`."""
        steps, wall, cpu = 0, time.perf_counter(), time.process_time()
        while steps == 0 or time.perf_counter() - wall < seconds:
            self.run()
            steps += self.problem.steps
        return time.perf_counter() - wall, time.process_time() - cpu, steps


def serve(engine, versions, device="cpu", precision="fp32"):
    """Answers until the input ends. Whatever a library prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(answer):
        print(json.dumps(answer), file=answers, flush=True)

    say({"versions": versions})
    built, losses = {}, {}
    for line in sys.stdin:
        model, batch, seconds = line.split()
        key = (model, int(batch))
        try:
            if key not in built:
                problem = Problem(*key, device, precision)
                built[key] = engine(problem)
                problem.weights = None  # they may be as large as the model that was made of them
                built[key].run()
                losses[key] = problem.loss(built[key].weights())
            wall, cpu, steps = built[key].measure(float(seconds))
            answer = {"us_per_step": 1e6 * wall / steps, "cpu_us_per_step": 1e6 * cpu / steps,
                      "loss": losses[key]}
            say(answer | ({"note": built[key].note} if built[key].note else {}))
        except Exception as error:  # the reason belongs into the table
            say({"error": f"{type(error).__name__}: {error}".splitlines()[0]})
