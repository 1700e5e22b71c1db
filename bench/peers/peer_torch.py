"""PyTorch: `eager` as it comes, `strong` with fused Adam and denormals flushed, `compile` with
the whole step compiled by Inductor, on a GPU into a CUDA graph. `graph`, on a GPU alone, is `strong`
captured in a CUDA graph by hand.

bf16 multiplies in bfloat16 and keeps weights, moments and the loss in float32."""

import sys

import torch

import protocol


class Eager(protocol.Engine):
    fused = False
    capturable = False

    def __init__(self, problem):
        self.problem = problem
        layers = []
        for inputs, outputs in zip(problem.sizes, problem.sizes[1:]):
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*layers[:-1]).to(problem.device)
        self.set_weights()
        self.criterion = (torch.nn.functional.cross_entropy if problem.classifier
                          else torch.nn.functional.mse_loss)
        if problem.precision == "bf16":
            self.loss = self.loss_of_bf16
        self.optimizer = torch.optim.Adam(self.model.parameters(), fused=self.fused,
                                          capturable=self.capturable)
        x, y = (torch.from_numpy(array).to(problem.device) for array in problem.batches())
        self.batches = list(zip(x, y.long() if problem.classifier else y))

    def set_weights(self):
        with torch.no_grad():
            for parameter, values in zip(self.model.parameters(), self.problem.weights):
                parameter.copy_(torch.from_numpy(values.T))

    def loss(self, x, y):
        return self.criterion(self.model(x), y)

    def loss_of_bf16(self, x, y):
        with torch.autocast(self.problem.device, torch.bfloat16, cache_enabled=False):
            return self.criterion(self.model(x), y)

    def train(self, x, y):
        self.optimizer.zero_grad()
        loss = self.loss(x, y)
        loss.backward()
        self.optimizer.step()
        return loss

    def run(self):
        for step in range(self.problem.steps):
            loss = self.train(*self.batches[step % len(self.batches)])
        return loss.item()

    def weights(self):
        return [parameter.detach().cpu().numpy().T for parameter in self.model.parameters()]


class Strong(Eager):
    fused = True

    def __init__(self, problem):
        torch.set_flush_denormal(True)
        super().__init__(problem)


class Graph(Strong):
    """One pass over the data is one graph: no launch, no copy and no Python between its steps."""

    capturable = True

    def __init__(self, problem):
        super().__init__(problem)
        stream = torch.cuda.Stream()  # what allocates at its first call may not do so in a capture
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.train(*self.batches[0])
        torch.cuda.synchronize()
        self.set_weights()
        for state in self.optimizer.state.values():
            for tensor in state.values():
                tensor.zero_()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=stream):
            for batch in self.batches:
                self.last = self.train(*batch)

    def run(self):
        for _ in range(self.problem.steps // len(self.batches)):
            self.graph.replay()
        return self.last.item()


class Compiled(Strong):
    """The whole step in one graph. Compiling only the loss is no faster than `strong`; on a CPU,
    max-autotune and the C++ wrapper are no faster than this."""

    def __init__(self, problem):
        super().__init__(problem)
        self.parameters = [p.detach().clone() for p in self.model.parameters()]
        m, v = ([torch.zeros_like(p) for p in self.parameters] for _ in range(2))
        self.state = self.parameters, m, v, torch.zeros((), device=problem.device)
        if problem.device == "cpu":
            self.step = torch.compile(self.step)
            return
        # A CUDA graph may change in place what keeps its address.
        for tensor in (*self.parameters, *m, *v, self.state[-1]):
            torch._dynamo.mark_static_address(tensor)
        self.step = torch.compile(self.step, mode="reduce-overhead")

    def functional_loss(self, parameters, x, y):
        names = (name for name, _ in self.model.named_parameters())
        if self.problem.precision == "bf16":
            parameters, x = [p.bfloat16() for p in parameters], x.bfloat16()
        out = torch.func.functional_call(self.model, dict(zip(names, parameters)), x)
        return self.criterion(out.float(), y)

    def step(self, parameters, m, v, t, x, y):
        gradients, loss = torch.func.grad_and_value(self.functional_loss)(tuple(parameters), x, y)
        t += 1
        rate = 1e-3 * torch.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        for tensors in zip(parameters, gradients, m, v):
            self.adam(rate, *tensors)
        return loss

    @staticmethod
    def adam(rate, parameter, gradient, m, v):
        m.lerp_(gradient, 0.1)
        v.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        parameter.sub_(rate * m / (v.sqrt() + 1e-7))

    def run(self):
        for step in range(self.problem.steps):
            loss = self.step(*self.state, *self.batches[step % len(self.batches)])
        return loss.item()

    @property
    def note(self):
        skipped = torch._dynamo.utils.counters["inductor"]["cudagraph_skips"]
        return f"{skipped} CUDA graphs skipped by Inductor" if skipped else None

    def weights(self):
        return [parameter.cpu().numpy().T for parameter in self.parameters]


def gpu_settings(precision):
    """Sets them and says so."""
    tf32 = precision == "tf32"
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    products = "bf16" if precision == "bf16" else f"TF32 {'on' if tf32 else 'off'}"
    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}), products {products}"


if __name__ == "__main__":
    mode, threads, device, precision = sys.argv[1:]
    torch.set_num_threads(int(threads))
    if device == "cpu":
        settings = f"{torch.backends.cpu.get_cpu_capability()})"
    else:
        settings = gpu_settings(precision)
    engines = {"eager": Eager, "strong": Strong, "compile": Compiled, "graph": Graph}
    protocol.serve(engines[mode], f"torch {torch.__version__} ({settings}", device, precision)
