"""PyTorch: `eager` as it comes, `strong` with fused Adam and denormals flushed, `compile` with
the whole step compiled by Inductor."""

import sys

import torch

import protocol


class Eager(protocol.Engine):
    fused = False

    def __init__(self, problem):
        layers = []
        for inputs, outputs in zip(problem.sizes, problem.sizes[1:]):
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*layers[:-1])
        with torch.no_grad():
            for parameter, values in zip(self.model.parameters(), problem.weights):
                parameter.copy_(torch.from_numpy(values.T))
        self.criterion = (torch.nn.functional.cross_entropy if problem.classifier
                          else torch.nn.functional.mse_loss)
        self.optimizer = torch.optim.Adam(self.model.parameters(), fused=self.fused)
        x, y = (torch.from_numpy(array) for array in problem.batches())
        self.batches = list(zip(x, y.long() if problem.classifier else y))

    def loss(self, x, y):
        return self.criterion(self.model(x), y)

    def run(self):
        for step in range(protocol.STEPS):
            self.optimizer.zero_grad()
            loss = self.loss(*self.batches[step % len(self.batches)])
            loss.backward()
            self.optimizer.step()
        return loss.item()

    def weights(self):
        return [parameter.detach().numpy().T for parameter in self.model.parameters()]


class Strong(Eager):
    fused = True

    def __init__(self, problem):
        torch.set_flush_denormal(True)
        super().__init__(problem)


class Compiled(Strong):
    """The whole step in one graph. Compiling only the loss is no faster than `strong`."""

    def __init__(self, problem):
        super().__init__(problem)
        self.parameters = [p.detach().clone() for p in self.model.parameters()]
        m, v = ([torch.zeros_like(p) for p in self.parameters] for _ in range(2))
        self.state = self.parameters, m, v, torch.zeros(())
        self.step = torch.compile(self.step)

    def functional_loss(self, parameters, x, y):
        names = (name for name, _ in self.model.named_parameters())
        out = torch.func.functional_call(self.model, dict(zip(names, parameters)), x)
        return self.criterion(out, y)

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
        for step in range(protocol.STEPS):
            loss = self.step(*self.state, *self.batches[step % len(self.batches)])
        return loss.item()

    def weights(self):
        return [parameter.numpy().T for parameter in self.parameters]


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[2]))
    engines = {"eager": Eager, "strong": Strong, "compile": Compiled}
    protocol.serve(engines[sys.argv[1]],
                   f"torch {torch.__version__} ({torch.backends.cpu.get_cpu_capability()})")
