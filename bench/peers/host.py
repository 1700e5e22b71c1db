"""What a comparison has to know about the machine it runs on."""

import json
import os
import pathlib
import re
import shutil
import subprocess


def cpu_name():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", info, re.MULTILINE)
    return " ".join(found[1].split()) if found else os.uname().machine


def gpu_name():
    """The first GPU and its driver."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    if not shutil.which(query[0]):
        return "GPU"
    said = subprocess.run(query, stdout=subprocess.PIPE, text=True, check=False).stdout
    name, _, driver = (said.splitlines() or ["GPU"])[0].partition(", ")
    return f"{name}, driver {driver}" if driver else name


def cores():
    """One logical processor of each core that this process may use."""
    chosen = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        siblings = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        chosen.setdefault(siblings.read_text() if siblings.exists() else cpu, cpu)
    return sorted(chosen.values())


def busy_seconds(cpus):
    """CPU time that everybody spent on these processors, other virtual machines included."""
    total = 0
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        name, *times = line.split()
        if name in {f"cpu{cpu}" for cpu in cpus}:
            user, nice, system, _, _, irq, softirq, steal = map(int, times[:8])
            total += user + nice + system + irq + softirq + steal
    return total / os.sysconf("SC_CLK_TCK")


def write_results(kind, out, content):
    """JSON, to `out` or to bench/results/<kind>-<processor>.json."""
    device = content.get("cpu") or content["gpu"].partition(", driver")[0]
    name = re.sub("[^A-Za-z0-9]+", "-", device)
    out = out or pathlib.Path(__file__).parents[1] / "results" / f"{kind}-{name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(content, indent=1) + "\n")
    print(f"written to {os.path.relpath(out)}")
