"""The arithmetic of a training step, and of the least time that a machine needs for it."""


def sizes_of(model):
    """Of a model such as 784-128-10: [784, 128, 10]."""
    return [int(size) for size in model.split("-")]


def parameters(model):
    """Weights and biases."""
    sizes = sizes_of(model)
    return sum((inputs + 1) * outputs for inputs, outputs in zip(sizes, sizes[1:]))


def products_flop(model, batch):
    """Of a step's matrix products: forward, weight gradients, and the input gradients of all layers
    but the first."""
    sizes = sizes_of(model)
    layers = [2 * batch * inputs * outputs for inputs, outputs in zip(sizes, sizes[1:])]
    return 3 * sum(layers) - layers[0]


def is_slow(model, batch):
    """On a CPU, whose core then takes a second for a step: three rounds make a median."""
    return products_flop(model, batch) > 1e11


def floor_us(model, batch, gflops, ns_per_parameter):
    """Microseconds of a step: its products at the rate of bare multiply-adds, then one pass over
    the optimizer's arrays."""
    return (products_flop(model, batch) / gflops + parameters(model) * ns_per_parameter) / 1e3
