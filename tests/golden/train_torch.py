"""The classifier in PyTorch with its own Adam, in float32."""

import torch

import problems


def run():
    problem = problems.classifier()
    weights = [torch.from_numpy(w).clone().requires_grad_() for w in problem.weights]
    optimizer = torch.optim.Adam(weights)
    losses = []
    for x, y in problem.batches():
        hidden = torch.nn.functional.linear(torch.from_numpy(x), *weights[:2]).relu()
        logits = torch.nn.functional.linear(hidden, *weights[2:])
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert loss.dtype == torch.float32
    return {
        "version": f"torch {torch.__version__}",
        "ClassifierTorchAdam": (losses, [w.detach().numpy() for w in weights]),
    }
