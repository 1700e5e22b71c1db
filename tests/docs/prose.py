"""What the documents say outside of their blocks: links, paths, and numbers that are in files."""

import json
import re

from blocks import Wrong

MAX_README_WORDS = 1000
ENGINES = {"minnow": "minnow", "PyTorch eager": "torch eager",
           "eager, fused Adam, FTZ": "torch strong", "PyTorch compiled": "torch compile",
           "JAX jit": "jax step", "JAX scan": "jax scan", "Keras fit": "keras fit",
           "XLA by Keras": "keras jit"}


def anchors_of(text):
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)", text, re.MULTILINE)}


def check_links(name, text, root):
    file = root / name
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        to = file.parent / path if path else file
        if not to.exists() or (anchor and anchor not in anchors_of(to.read_text())):
            raise Wrong(f"{name}: the link to {target} leads nowhere")


def check_paths(name, text, root):
    """Every path between backticks that begins in a folder of the repository."""
    tops = {path.name for path in root.iterdir() if path.is_dir()} - {"build", "runs"}
    for token in re.findall(r"`([\w.][\w./-]*/[\w./-]*)`", text):
        top = token.split("/")[0]
        if top in tops and not (root / token).exists():
            raise Wrong(f"{name}: there is no {token}")


def check_length(name, text):
    if len(text.split()) >= MAX_README_WORDS:
        raise Wrong(f"{name} has {len(text.split())} words, not below {MAX_README_WORDS}")


def check_times(name, text, root):
    """Tables of bench/compare are those of bench/results."""
    found = json.loads((root / "bench/results/compare-AMD-EPYC.json").read_text())["results"]
    times = {(r["model"], r["batch"], r["threads"], r["engine"]): r for r in found}
    columns = []
    for line in text.splitlines():
        cells = [cell.strip(" *") for cell in line.strip("|").split("|")]
        if "PyTorch eager" in cells:
            columns = [ENGINES[cell] for cell in cells[1:]]
        step = re.match(r"([\d-]+), batch (\d+)(?:, (\d+))?$", cells[0])
        if not step or not columns:
            continue
        for engine, cell in zip(columns, cells[1:]):
            result = times[step[1], int(step[2]), int(step[3] or 1), engine]
            time, *ratio = re.findall(r"[\d.]+", cell)
            pairs = [(time, result["us_per_step"])] + [(r, result["ratio"]) for r in ratio]
            for shown, measured in pairs:
                digits = len(shown.partition(".")[2])
                if abs(float(shown) - measured) > 0.5001 * 10 ** -digits:
                    raise Wrong(f"{name}: {cells[0]}, {engine}: {shown}, measured {measured}")


CHECKS = [check_links, check_paths, check_times]
