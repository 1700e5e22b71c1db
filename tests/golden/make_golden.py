#!/usr/bin/env python3
"""Trains the documents' models in Keras (TensorFlow) and PyTorch and writes golden_data.h.

    pip install tensorflow-cpu torch
    python3 make_golden.py           # writes golden_data.h beside this script
    python3 make_golden.py --check   # compares golden_data.h with a fresh run, writes nothing

Both print how far each float32 run is from the double-precision reference.py, and fail beyond 1e-5.
Keras takes Adam's 1 - beta^t in float32; its rows are against a reference that does the same, and
"exact" is how far that reference is from one in double throughout: what minnow may be off by.
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
HEADER = pathlib.Path(__file__).with_name("golden_data.h")


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


def header(runs, fit_losses, versions):
    text = f"""\
#pragma once

// Written by make_golden.py, not by hand.
// clang-format off
// {versions}

#include "golden.h"

namespace golden {{
"""
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


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--check", action="store_true", help="write nothing")
    check = arguments.parse_args().check

    keras, torch = apart("train_keras"), apart("train_torch")
    versions = (f"{keras.pop('version')}, {torch.pop('version')}, numpy {np.__version__}, "
                f"{platform.machine()}, float32")
    fit_losses, fit_weights = keras.pop("fit")
    runs = keras | torch

    print(versions)
    print(f"{'off from float64':26}{'loss, rel.':>12}{'weight, max':>12}{'rms':>12}{'sum':>12}")
    truths, exact = references(np.float32), references(np.float64)
    good = all([compare(name, run, truths[name]) for name, run in runs.items()])
    for name in ("ToyKerasAdam", "ClassifierKerasAdam"):
        compare(name + " exact", exact[name], truths[name])
    same = np.abs(difference(fit_weights, runs["ToyKerasAdam"][1])).max()
    print(f"fit() and train_on_batch() end with weights {same:.1e} apart")
    if not good or same > TOLERANCE:
        sys.exit("a difference is beyond 1e-5: nothing written")

    text = header(runs, fit_losses, versions)
    if not check:
        HEADER.write_text(text)
        print(f"{HEADER.name}: {len(text)} bytes")
    elif HEADER.read_text() != text:
        sys.exit(f"{HEADER.name} holds other digits or other versions than this run")


if __name__ == "__main__":
    main()
