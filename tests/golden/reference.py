"""The same training in double precision, written out by hand: how far may float32 be off?"""

import numpy as np


def adam(epsilon, corrected, powers=np.float64):
    """Kingma and Ba (ICLR 2015). Keras adds epsilon to sqrt(v), PyTorch to the corrected one.

    powers: the type in which 1 - beta^t is taken. Keras's float32 puts its steps off by 6e-6.
    """
    lr, beta1, beta2 = 1e-3, 0.9, 0.999

    def update(state, gradient, t):
        m, v = state
        m += (1 - beta1) * (gradient - m)
        v += (1 - beta2) * (gradient * gradient - v)
        c1, c2 = (float(powers(1) - powers(beta) ** powers(t)) for beta in (beta1, beta2))
        if corrected:
            return -lr * (m / c1) / (np.sqrt(v / c2) + epsilon)
        return -lr * np.sqrt(c2) / c1 * m / (np.sqrt(v) + epsilon)

    return update


def sgd(state, gradient, t):
    velocity = state[0]
    velocity *= 0.9
    velocity -= 0.01 * gradient
    return velocity


def train(problem, update):
    """(losses, weights), all float64."""
    weights = [w.astype(np.float64) for w in problem.weights]
    states = [(np.zeros_like(w), np.zeros_like(w)) for w in weights]
    losses = []
    for t, (x, y) in enumerate(problem.batches(), 1):
        x, y = x.astype(np.float64), y.astype(np.float64)
        w1, b1, w2, b2 = weights
        hidden = np.maximum(x @ w1.T + b1, 0)
        out = hidden @ w2.T + b2
        if problem.classifier:
            shifted = out - out.max(axis=1, keepdims=True)
            log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            losses.append(-(y * log_p).sum(axis=1).mean())
            d_out = (np.exp(log_p) - y) / len(x)
        else:
            losses.append(((out - y) ** 2).mean())
            d_out = 2 * (out - y) / out.size
        d_hidden = (d_out @ w2) * (hidden > 0)
        gradients = [d_hidden.T @ x, d_hidden.sum(axis=0), d_out.T @ hidden, d_out.sum(axis=0)]
        for w, state, gradient in zip(weights, states, gradients):
            w += update(state, gradient, t)
    return losses, weights
