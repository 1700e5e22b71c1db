"""Makes one JSON file and one table of what script/gpu-check left in a folder.

Usage: gpu_check_report.py WORK OUT. Ends with 1 when a test failed or none ran.
"""

import json
import pathlib
import re
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TAIL = 2000  # characters of what a failed step printed
LARGE = "4096-4096-4096-4096-4096"
PEERS = ["torch strong", "torch compile", "torch graph", "jax step", "jax scan"]
# Model, batch, precision: at most so many us, at least so many times as fast as the best peer, at
# least such a part of the rate of a large product.
TARGETS = {
    ("784-128-10", 32, "fp32"): {"us": 15, "ratio": 3.0},
    ("784-1024-1024-10", 512, "tf32"): {"ratio": 1.3},
    (LARGE, 4096, "tf32"): {"ratio": 1.0, "rate": 0.8},
    (LARGE, 4096, "bf16"): {"ratio": 1.0, "rate": 0.8},
}
SANITIZER_FOUND = "99"  # --error-exitcode


def read_json(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def json_lines(path):
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.startswith("{")]


def text_of(path):
    return path.read_text(errors="replace") if path.exists() else ""


def steps_of(work):
    steps = []
    for line in text_of(work / "steps.tsv").splitlines():
        name, code, seconds, command = line.split("\t")
        step = {"name": name, "exit": code, "seconds": int(seconds), "command": command}
        if code != "0":
            step["stderr"] = text_of(work / f"{name}.err")[-TAIL:]
            step["stdout"] = text_of(work / f"{name}.out")[-TAIL:]
        steps.append(step)
    return steps


def tests_of(work, steps):
    """Counts, and the names of those that failed, by test program."""
    tests = {}
    for step in steps:
        name = step["name"]
        if not name.startswith("test."):
            continue
        report = read_json(work / f"{name}.json") or {"testsuites": []}
        cases = [(f"{suite['name']}.{case['name']}", case) for suite in report["testsuites"]
                 for case in suite["testsuite"]]
        failed = [full for full, case in cases if "failures" in case]
        skipped = [full for full, case in cases if case.get("result") == "SKIPPED"]
        tests[name] = {"passed": len(cases) - len(failed) - len(skipped),
                       "skipped": len(skipped), "failed": failed, "exit": step["exit"]}
    return tests


def problems_of(tests, steps):
    """Why the run is a failure; an empty list when it is none."""
    problems = [f"{name}: {', '.join(test['failed']) or 'exit ' + test['exit']}"
                for name, test in tests.items() if test["exit"] != "0"]
    if not any(test["passed"] for test in tests.values()):
        problems.append("no test passed")
    problems += [f"{step['name']} found errors" for step in steps
                 if step["name"] in ("sanitizer.memcheck", "sanitizer.racecheck")
                 and step["exit"] == SANITIZER_FOUND]
    problems += [f"{step['name']}: exit {step['exit']}" for step in steps
                 if step["name"] in ("configure", "build", "self_test") and step["exit"] != "0"]
    # Cut off is no failure: these come last.
    problems += ["the tests over the fakes failed" for step in steps
                 if step["name"] == "fakes" and step["exit"] == "8"]
    return problems


def said_by(work, name):
    """What a step of the command printed as JSON, or None."""
    return (json_lines(work / f"{name}.out") or [None])[0]


def doctor_lines(said):
    """What `minnow doctor --self-test` found, for a person."""
    if not said:
        return []
    doctor = said["doctor"]
    lines = [f"doctor: --device=auto takes {doctor['auto']}; {doctor['problems']} problems; the probe "
             f"took {doctor['probe_milliseconds']:.0f} ms"]
    for check in doctor["checks"]:
        if check["topic"] == "self-test" or check["verdict"] == "problem":
            lines.append(f"{check['topic']}: {check['verdict']}: {check['text']}")
    return lines


def benches_of(work, steps):
    """What `minnow bench` measured, and what the steps became on the device."""
    return {step["name"].removeprefix("bench."): {"lines": json_lines(work / f"{step['name']}.out"),
                                                  "explain": text_of(work / f"{step['name']}.err")}
            for step in steps if step["name"].startswith("bench.")}


def products_flop(model, batch):
    """Of a step's matrix products: forward, weight gradients, and the input gradients of all layers
    but the first."""
    sizes = [int(size) for size in model.split("-")]
    layers = [2 * batch * inputs * outputs for inputs, outputs in zip(sizes, sizes[1:])]
    return 3 * sum(layers) - layers[0]


def verdict(row, target):
    """"met", "missed: which", or "not measured"."""
    checks = {"us": ("us", lambda wanted, is_: is_ <= wanted),
              "ratio": ("ratio", lambda wanted, is_: is_ >= wanted),
              "rate": ("rate", lambda wanted, is_: is_ >= wanted)}
    missed, unknown = [], []
    for name, wanted in target.items():
        key, holds = checks[name]
        value = row.get(key)
        if value is None:
            unknown.append(name)
        elif not holds(wanted, value):
            missed.append(name)
    if missed:
        return "missed: " + ", ".join(missed)
    return "not measured: " + ", ".join(unknown) if unknown else "met"


def rows_of(peers, rates):
    """A row for each model, batch and precision, in the order in which they were measured."""
    rows = {}
    for result in (peers or {"results": []})["results"]:
        key = result["model"], result["batch"], result.get("precision")
        rows.setdefault(key, {})[result["engine"]] = result
    return [row_of(key, engines, rates) for key, engines in rows.items()]


def row_of(key, engines, rates):
    model, batch, precision = key
    times = {name: result.get("us_per_step") for name, result in engines.items()}
    us = times.pop("minnow", None)
    row = {"model": model, "batch": batch, "precision": precision, "us": us,
           "kernels_us": engines.get("minnow", {}).get("kernels_us_per_step"), "peers_us": times}
    measured = {name: time_ for name, time_ in times.items() if time_ is not None}
    if us and measured:
        row["best_peer"] = min(measured, key=measured.get)
        row["ratio"] = measured[row["best_peer"]] / us
    rate = ((rates or {}).get("product_tflops") or {}).get(precision)
    if us and rate:
        row["tflops"] = products_flop(model, batch) / us / 1e6
        row["rate"] = row["tflops"] / rate
    if key in TARGETS:
        row["target"] = TARGETS[key]
        row["verdict"] = verdict(row, TARGETS[key])
    return row


def target_text(target):
    texts = {"us": "<= {:g} us", "ratio": ">= {:g}x", "rate": ">= {:.0%} of rate"}
    return ", ".join(texts[name].format(wanted) for name, wanted in target.items())


def number(value):
    return "-" if value is None else f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def table(rows):
    heads = ["step", "batch", "prec", "kernels", "minnow", *PEERS, "ratio", "of rate", "target",
             "verdict"]
    cells = [heads]
    for row in rows:
        ratio = f"{row['ratio']:.2f}x" if "ratio" in row else "-"
        rate = f"{row['rate']:.0%}" if "rate" in row else "-"
        cells.append([row["model"].replace(LARGE, "4096x4"), str(row["batch"]), row["precision"],
                      number(row["kernels_us"]), number(row["us"]),
                      *(number(row["peers_us"].get(name)) for name in PEERS), ratio, rate,
                      target_text(row.get("target", {})), row.get("verdict", "")])
    widths = [max(map(len, column)) for column in zip(*cells)]
    left = {0, len(heads) - 2, len(heads) - 1}
    return "\n".join("  ".join(f"{cell:<{width}}" if i in left else f"{cell:>{width}}"
                               for i, (cell, width) in enumerate(zip(line, widths))).rstrip()
                     for line in cells)


def summary(report):
    device, tests = report["device"] or {}, report["tests"].values()
    lines = [f"{device.get('name')}: {sum(test['passed'] for test in tests)} tests passed, "
             f"{sum(test['skipped'] for test in tests)} skipped, "
             f"{sum(len(test['failed']) for test in tests)} failed"]
    rates = report["rates"]
    if rates:
        size = rates["size"]
        lines.append(f"product of two {size}x{size}: " + ", ".join(
            f"{precision} {rate:.1f} TFLOP/s"
            for precision, rate in rates["product_tflops"].items()))
    lines += [f"step {step['name']}: exit {step['exit']} after {step['seconds']} s"
              for step in report["steps"] if step["exit"] != "0"]
    lines += doctor_lines(report["self_test"])
    return lines + [f"FAILED {problem}" for problem in report["problems"]]


def main():
    work, out = map(pathlib.Path, sys.argv[1:])
    steps = steps_of(work)
    tests = tests_of(work, steps)
    peers, rates = read_json(work / "peers.json"), read_json(work / "rates.out")
    report = {"device": read_json(work / "device.out"), "date": time.strftime("%Y-%m-%d"),
              "clocks_after": read_json(work / "clocks.out"),
              "problems": problems_of(tests, steps), "table": rows_of(peers, rates),
              **{name: said_by(work, name) for name in ("doctor", "devices", "self_test")},
              "tests": tests, "rates": rates, "bench": benches_of(work, steps), "peers": peers,
              "google_benchmark": read_json(work / "google_benchmark.out"), "steps": steps}
    if report["table"]:
        print("us per step: kernels, what the caller waits; peers as the caller waits\n")
        print(table(report["table"]), end="\n\n")
    print("\n".join(summary(report)))
    name = re.sub("[^A-Za-z0-9]+", "-", (report["device"] or {}).get("name", "GPU"))
    path = out / f"gpu-check-{name}.json"
    text = json.dumps(report, indent=1) + "\n"
    path.write_text(text.replace(f"{ROOT}/", ""))  # where it ran is nobody's business
    print(f"written to {path}")
    sys.exit(1 if report["problems"] else 0)


if __name__ == "__main__":
    main()
