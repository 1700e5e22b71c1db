"""A hundred steps of PyTorch's own optimizers: 6-8-3, tanh, mean squared error."""

import torch
import torch.nn.functional as F

import problems

ROWS, INPUTS, HIDDEN, OUTPUTS = 48, 6, 8, 3
BATCH = 16
STEPS = 100

# By the test's names for them: PyTorch's optimizer, its settings, and whether the decay is on the
# biases too.
OPTIMIZERS = {
    "Adam": (torch.optim.Adam, {"lr": 0.01}, False),
    "AdamW": (torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}, False),
    "AdamWOnAll": (torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}, True),
    "SgdMomentum": (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}, False),
    "SgdNesterovDecay": (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True,
                                           "weight_decay": 0.01}, False),
    "Rmsprop": (torch.optim.RMSprop, {"lr": 0.002}, False),
    "RmspropMomentum": (torch.optim.RMSprop, {"lr": 0.001, "momentum": 0.9}, False),
    "RmspropDecayOnAll": (torch.optim.RMSprop, {"lr": 0.002, "weight_decay": 0.01}, True),
}


def train(name, dtype):
    """(losses of the batches before each update, the four weights after the last one)."""
    x = torch.from_numpy(problems.uniform(31, 1, ROWS, INPUTS)).to(dtype)
    y = torch.from_numpy(problems.uniform(32, 1, ROWS, OUTPUTS)).to(dtype)
    shapes = [(HIDDEN, INPUTS), (HIDDEN,), (OUTPUTS, HIDDEN), (OUTPUTS,)]
    weights = [torch.from_numpy(problems.uniform(33 + i, 0.5, *shape)).to(dtype).requires_grad_()
               for i, shape in enumerate(shapes)]
    kind, settings, on_all = OPTIMIZERS[name]
    biases = {} if on_all else {"weight_decay": 0}
    optimizer = kind([{"params": weights[0::2]}, {"params": weights[1::2], **biases}], **settings)
    losses = []
    for step in range(STEPS):
        begin = step * BATCH % ROWS
        hidden = torch.tanh(F.linear(x[begin:begin + BATCH], *weights[:2]))
        loss = F.mse_loss(F.linear(hidden, *weights[2:]), y[begin:begin + BATCH])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, [w.detach().numpy() for w in weights]


def run():
    """By name: (float32 run, the same in double precision)."""
    runs = {name: (train(name, torch.float32), train(name, torch.float64)) for name in OPTIMIZERS}
    return {"version": f"torch {torch.__version__}"} | runs
