"""Commands of the documents, and the outputs that they show."""

import os
import re
import subprocess

from blocks import Wrong

# Commands that CI cannot run here, by how they begin. What is a script has to be there, and to know
# the options.
NOT_HERE = [
    ("script/demo", "CI runs the README's two commands on bare machines"),
    ("script/test", "CI runs the README's two commands on bare machines"),
    ("script/build", "this test belongs to what it builds"),
    ("script/docs", "a section of .ci/run"),
    ("script/tidy", "a section of .ci/run"),
    ("script/gpu-check", "needs a GPU, or most of an hour to rehearse"),
    ("script/check-walls", "a section of .ci/run"),
    ("script/mutate-errors", "takes hours"),
    (".ci/run", "runs this test"),
    ("cmake", ".ci/embed configures, builds and installs"),
    ("ctest", "runs this test"),
    ("bench/compare", "installs 2 GB of peers and takes half an hour"),
    ("bench/floor", "takes minutes"),
    ("bench/whole", "installs 2 GB of peers and takes ten minutes"),
    ("bench/instructions", "needs valgrind"),
    ("build/bin/minnow_bench", "is built with the benchmarks only, and takes minutes"),
    ("minnow bench --compare=cpu,cuda", "needs a GPU"),
    ("minnow doctor --strict=cuda", "needs a GPU"),
    ("git", "changes a checkout"),
    ("pre-commit", "is a tool of the contributor's"),
]


def reason_not_here(command, root, at):
    for beginning, reason in NOT_HERE:
        if command != beginning and not command.startswith(beginning + " "):
            continue
        if beginning.startswith(("script/", "bench/", ".ci/")):
            script = root / beginning
            if not os.access(script, os.X_OK):
                raise Wrong(f"{at}: there is no {beginning}")
            text = script.read_text()
            for option in re.findall(r"--[a-z-]+", command):
                if option not in text:
                    raise Wrong(f"{at}: {beginning} has no option {option}")
        return reason
    return ""


class Shell:
    """Runs commands in a folder where minnow is on the path."""

    def __init__(self, minnow, folder):
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir()
        wrapper = programs / "minnow"
        wrapper.write_text(f'#!/bin/sh\nexec "{minnow}" "$@"\n')
        wrapper.chmod(0o755)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("MINNOW_")}
        self.environment["PATH"] = f"{programs}:{os.environ['PATH']}"
        self.environment["COLUMNS"] = "80"
        self.environment["MINNOW_DEVICE"] = "cpu"  # on a machine with a GPU, too

    def run(self, command, at):
        """What it prints; None and the reason when a data set is not installed."""
        if "--dataset=fashion-mnist" in command:
            command = re.sub(r"--epochs=\d+", "--epochs=1", command)
        ran = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=self.folder,
                             env=self.environment, text=True, capture_output=True)
        for line in ran.stderr.splitlines():
            if "[MN-P09]" in line:
                return None, line
        if ran.returncode != 0:
            raise Wrong(f"{at}: \"{command}\" ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
        return ran.stdout + ran.stderr, ""


def commands_of(block):
    """[line offset, command, lines that it prints]. In a text only lines with a $ are commands."""
    commands, going_on = [], False
    for offset, line in enumerate(block.lines):
        if block.language == "text":
            if line.startswith("$ "):
                commands.append([offset, line[2:], []])
            elif commands:
                commands[-1][2].append(line)
            continue
        line = re.sub(r"\s+# .*|^# .*", "", line).strip()
        if not line:
            continue
        if going_on:
            commands[-1][1] += " " + line
        else:
            commands.append([offset, line, []])
        going_on = line.endswith("\\")
        commands[-1][1] = commands[-1][1].removesuffix("\\").rstrip()
    return commands


def masked(line):
    """Without numbers, their units, the device that was asked for, and how many blanks there are."""
    line = re.sub(r"requested \w+", "requested", line)
    line = re.sub(r"\d[\d,.]*", "#", line)
    line = re.sub(r"# ?(ns|us|ms|s|B|KiB|MiB|GiB)\b", "#", line)
    return re.sub(r"\s+", " ", line.replace("epochs", "epoch")).strip()


def check_output(shown, printed, at):
    """Each line that is shown was printed, but for its numbers. The first speaks of the machine."""
    there = {masked(line) for line in printed.splitlines()}
    for line in shown:
        if line in ("", "...") or line.startswith("minnow: device="):
            continue
        if masked(line) not in there:
            raise Wrong(f"{at}: \"{line}\" is not printed:\n{printed}")
