#!/usr/bin/env python3
"""What Keras (TensorFlow) and PyTorch compute, as headers beside this script.

    pip install tensorflow-cpu torch
    python3 make_golden.py                    # writes golden_{data,functions,optimizers}.h
    python3 make_golden.py --check            # compares them with a fresh run, writes nothing
    python3 make_golden.py --part functions   # one of them; only "data" needs TensorFlow

data: the documents' models, trained. Prints how far each float32 run is from the double-precision
reference.py, and fails beyond 1e-5. Keras takes Adam's 1 - beta^t in float32; its rows are against
a reference that does the same, and "exact" is how far that reference is from one in double
throughout: what minnow may be off by.
functions: activations and losses with their derivatives, in double precision.
optimizers: a hundred steps of each in float32, compared with the same in double precision.
"""

import argparse
import concurrent.futures
import importlib
import multiprocessing
import pathlib
import platform
import sys

import numpy as np

import problems
import reference

TOLERANCE = 1e-5  # of a weight, absolute; of a loss, relative
FOLDER = pathlib.Path(__file__).parent


def run_module(name):
    return importlib.import_module(name).run()


def apart(name):
    """A module's run() in its own process: TensorFlow's and PyTorch's LLVM cannot share one."""
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(run_module, name).result()


def references(powers):
    toy, classifier = problems.toy(), problems.classifier()
    keras_adam = reference.adam(1e-7, corrected=False, powers=powers)
    return {
        "ToyKerasAdam": reference.train(toy, keras_adam),
        "ToyKerasSgd": reference.train(toy, reference.sgd),
        "ClassifierKerasAdam": reference.train(classifier, keras_adam),
        "ClassifierTorchAdam": reference.train(classifier, reference.adam(1e-8, corrected=True)),
    }


def difference(a, b):
    return np.concatenate([(p - q).reshape(-1) for p, q in zip(a, b, strict=True)])


def compare(name, run, truth):
    """Prints the float32 run's errors; true when they are within the tolerance."""
    loss = max(abs(a - b) / abs(b) for a, b in zip(run[0], truth[0], strict=True))
    error = difference(run[1], truth[1])
    moved = max(abs(a.astype(np.float64).sum() - b.sum()) for a, b in zip(run[1], truth[1]))
    print(f"{name:26}{loss:12.1e}{np.abs(error).max():12.1e}{np.sqrt((error**2).mean()):12.1e}"
          f"{moved:12.1e}   loss {run[0][0]:.7f} -> {run[0][-1]:.7f}")
    return loss < TOLERANCE and np.abs(error).max() < TOLERANCE


def numbers(values, suffix="", indent=4):
    """Enough digits for a float, five to a line."""
    words = [f"{float(v):.9g}" for v in values]
    words = [(w if "." in w or "e" in w else w + ".0") + suffix for w in words]
    lines = [", ".join(words[i:i + 5]) for i in range(0, len(words), 5)]
    return (",\n" + " " * indent).join(lines)


def start_of_header(versions, kind):
    return f"""\
#pragma once

// Written by make_golden.py, not by hand.
// clang-format off
// {versions}, numpy {np.__version__}, {platform.machine()}, {kind}

#include "golden.h"

namespace golden {{
"""


def header(runs, fit_losses, versions):
    text = start_of_header(versions, "float32")
    for name, (losses, weights) in runs.items():
        samples = np.concatenate([problems.sampled(w) for w in weights])
        sums = ", ".join(f"{w.astype(np.float64).sum():.12g}" for w in weights)
        text += f"""
inline constexpr float k{name}Samples[] = {{
    {numbers(samples, "F")}}};
inline constexpr Result k{name} = {{
    .losses = {{{numbers(losses, indent=15)}}},
    .sums = {{{sums}}},
    .samples = k{name}Samples}};
"""
    text += f"""
// fit(epochs=5, shuffle=False) on the toy with Adam: each epoch's loss.
inline constexpr double kToyFitLosses[] = {{
    {numbers(fit_losses)}}};

}}  // namespace golden
"""
    return text


def data():
    keras, torch = apart("train_keras"), apart("train_torch")
    versions = f"{keras.pop('version')}, {torch.pop('version')}"
    fit_losses, fit_weights = keras.pop("fit")
    runs = keras | torch

    print(f"{'off from float64':26}{'loss, rel.':>12}{'weight, max':>12}{'rms':>12}{'sum':>12}")
    truths, exact = references(np.float32), references(np.float64)
    good = all([compare(name, run, truths[name]) for name, run in runs.items()])
    for name in ("ToyKerasAdam", "ClassifierKerasAdam"):
        compare(name + " exact", exact[name], truths[name])
    same = np.abs(difference(fit_weights, runs["ToyKerasAdam"][1])).max()
    print(f"fit() and train_on_batch() end with weights {same:.1e} apart")
    return header(runs, fit_losses, versions), good and same <= TOLERANCE


def functions():
    found = apart("torch_functions")
    text = start_of_header(found["version"], "float64")
    text += f"""
inline constexpr float kPoints[] = {{
    {numbers(found["points"], "F")}}};

inline constexpr ActivationValues kActivationValues[] = {{
"""
    for name, values, slopes in found["activations"]:
        text += f"""    {{"{name}",
     {{{numbers(values, indent=6)}}},
     {{{numbers(slopes, indent=6)}}}}},
"""
    text += f"""}};

inline constexpr LossValues kLossValues[] = {{
"""
    for kind, parameter, prediction, target, loss, gradient in found["losses"]:
        text += f"""    {{minnow::LossKind::{kind}, {parameter}, Given::{prediction}, Given::{target}, {loss:.9g},
     {{{numbers(gradient.reshape(-1), indent=6)}}}}},
"""
    return text + "};\n\n}  // namespace golden\n", True


def optimizers():
    found = apart("torch_optimizers")
    text = start_of_header(found.pop("version"), "float32")
    good = True
    print(f"{'off from float64':26}{'loss, rel.':>12}{'weight, max':>12}{'rms':>12}{'sum':>12}")
    for name, (run, exact) in found.items():
        good &= compare(name, run, exact)
        weights = np.concatenate([w.reshape(-1) for w in run[1]])
        text += f"""
inline constexpr Trajectory k{name} = {{
    .losses = {{{numbers(run[0], indent=15)}}},
    .weights = {{{numbers(weights, "F", indent=16)}}}}};
"""
    return text + "\n}  // namespace golden\n", good


PARTS = {"data": data, "functions": functions, "optimizers": optimizers}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--check", action="store_true", help="write nothing")
    arguments.add_argument("--part", choices=PARTS, help="one header only")
    options = arguments.parse_args()
    for part in [options.part] if options.part else PARTS:
        path = FOLDER / f"golden_{part}.h"
        text, good = PARTS[part]()
        if not good:
            sys.exit(f"a difference is beyond 1e-5: {path.name} is not written")
        if not options.check:
            path.write_text(text)
            print(f"{path.name}: {len(text)} bytes")
        elif path.read_text() != text:
            sys.exit(f"{path.name} holds other digits or other versions than this run")


if __name__ == "__main__":
    main()
