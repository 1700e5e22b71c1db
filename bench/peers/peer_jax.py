"""JAX on XLA: `step` is one jitted step per call with donated state, `scan` many steps per call.

bf16 multiplies in bfloat16 and keeps weights, moments and the loss in float32."""

import sys

import jax
import jax.numpy as jnp

import protocol


def adam(parameter, gradient, m, v, t):
    m = 0.9 * m + 0.1 * gradient
    v = 0.999 * v + 0.001 * gradient * gradient
    rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return parameter - rate * m / (jnp.sqrt(v) + 1e-7), m, v


class Step(protocol.Engine):
    def __init__(self, problem):
        self.problem, self.classifier = problem, problem.classifier
        self.product = jnp.bfloat16 if problem.precision == "bf16" else jnp.float32
        parameters = [jnp.asarray(values) for values in problem.weights]
        zeros = [jnp.zeros_like(values) for values in parameters]
        self.state = parameters, zeros, [jnp.copy(z) for z in zeros], jnp.float32(0)
        self.x, self.y = (jnp.asarray(array) for array in problem.batches())
        self.prepare()

    def prepare(self):
        self.batches = list(zip(self.x, self.y))
        self.call = jax.jit(self.step, donate_argnums=0)

    def loss(self, parameters, x, y):
        parameters = [values.astype(self.product) for values in parameters]
        x = x.astype(self.product)
        for kernel, bias in zip(parameters[:-2:2], parameters[1:-2:2]):
            x = jax.nn.relu(x @ kernel + bias)
        x = (x @ parameters[-2] + parameters[-1]).astype(jnp.float32)
        if not self.classifier:
            return jnp.mean((x - y) ** 2)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], axis=1))

    def step(self, state, x, y):
        parameters, m, v, t = state
        loss, gradients = jax.value_and_grad(self.loss)(parameters, x, y)
        updated = [adam(*tensors, t + 1) for tensors in zip(parameters, gradients, m, v)]
        return (*map(list, zip(*updated)), t + 1), loss

    def run(self):
        for step in range(self.problem.steps):
            self.state, loss = self.call(self.state, *self.batches[step % len(self.batches)])
        return float(loss)

    def weights(self):
        return [jax.device_get(values) for values in self.state[0]]


class Scan(Step):
    def prepare(self):
        order = jnp.arange(self.problem.steps) % len(self.x)

        def steps(state, x, y):
            return jax.lax.scan(lambda state, i: self.step(state, x[i], y[i]), state, order)

        self.call = jax.jit(steps, donate_argnums=0)

    def run(self):
        self.state, losses = self.call(self.state, self.x, self.y)
        return float(losses[-1])


# Left alone, XLA multiplies float32 as TF32 on a GPU.
PRODUCTS = {"fp32": "highest", "tf32": "tensorfloat32", "bf16": "bfloat16"}

if __name__ == "__main__":
    mode, _, device, precision = sys.argv[1:]
    versions = f"jax {jax.__version__}"
    if device != "cpu":
        jax.config.update("jax_default_matmul_precision", PRODUCTS[precision])
        versions += f" ({jax.devices()[0].device_kind}), products {PRODUCTS[precision]}"
    protocol.serve({"step": Step, "scan": Scan}[mode], versions, device, precision)
