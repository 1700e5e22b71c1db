"""PyTorch's activations and losses in double precision, with their derivatives by autograd."""

import torch
import torch.nn.functional as F

import problems

# By minnow's names for them; the parameter is in parentheses.
ACTIVATIONS = {
    "relu": F.relu,
    "leaky_relu(0.01)": F.leaky_relu,
    "leaky_relu(0.2)": lambda x: F.leaky_relu(x, float(torch.tensor(0.2))),
    "elu(1)": F.elu,
    "elu(0.3)": lambda x: F.elu(x, float(torch.tensor(0.3))),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": lambda x: F.softplus(x, threshold=1000),
    "silu": F.silu,
    "gelu": F.gelu,
}

POINTS = [0, 1e-30, 1e-6, 1e-3, 0.01, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4.5, 6, 8, 10, 13, 17, 25,
          60, 85, 300, 1e6, 3e38]
POINTS = [-x for x in reversed(POINTS)] + POINTS[1:]

ROWS, COLS = 5, 3


def activations():
    """[(text, values, slopes)] at POINTS, which are floats."""
    results = []
    for text, function in ACTIVATIONS.items():
        x = torch.tensor(POINTS, dtype=torch.float32).double().requires_grad_()
        y = function(x)
        y.sum().backward()
        results.append((text, y.detach().numpy(), x.grad.numpy()))
    return results


def losses():
    """[(kind, parameter, prediction, target, loss, gradient)] of (5, 3) predictions."""
    logits = problems.uniform(21, 4, ROWS, COLS)
    probabilities = problems.unit(22, ROWS, COLS)
    values = problems.uniform(23, 4, ROWS, COLS)
    shares = problems.unit(24, ROWS, COLS)
    labels = (problems.bits(25, ROWS) % COLS).astype("int64")
    cases = [
        ("mean_squared_error", 0, "logits", "values", F.mse_loss),
        ("mean_absolute_error", 0, "logits", "values", F.l1_loss),
        ("huber", 1, "logits", "values", F.huber_loss),
        ("huber", 0.5, "logits", "values", lambda x, t: F.huber_loss(x, t, delta=0.5)),
        ("binary_cross_entropy", 0, "probabilities", "shares", F.binary_cross_entropy),
        ("sigmoid_binary_cross_entropy", 0, "logits", "shares",
         F.binary_cross_entropy_with_logits),
        ("softmax_cross_entropy", 0, "logits", "shares", F.cross_entropy),
        ("softmax_cross_entropy", 0, "logits", "labels", F.cross_entropy),
    ]
    given = {"logits": logits, "probabilities": probabilities, "values": values, "shares": shares,
             "labels": labels}
    results = []
    for kind, parameter, prediction, target, function in cases:
        x = torch.from_numpy(given[prediction]).double().requires_grad_()
        t = torch.from_numpy(given[target])
        loss = function(x, t if target == "labels" else t.double())
        loss.backward()
        results.append((kind, parameter, prediction, target, loss.item(), x.grad.numpy()))
    return results


def run():
    return {"version": f"torch {torch.__version__}", "points": POINTS,
            "activations": activations(), "losses": losses()}
