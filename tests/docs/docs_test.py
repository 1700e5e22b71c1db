#!/usr/bin/env python3
"""Runs every command and code block of the documents, and checks what they say of the tree.

    tests/docs/docs_test.py SETTINGS.json [FILE.md ...]

The build writes the settings: compiler, flags, libraries, the minnow command, the source tree. All
that is wrong is told, one document's line each, and the exit status is then 1.
"""

import json
import pathlib
import re
import sys
import tempfile
import time

from blocks import Wrong, blocks_of
from cpp_blocks import check_fragments, check_programs, check_quotation, is_program
from made_files import make_files
from prose import CHECKS, check_length
from shell_blocks import Shell, check_output, commands_of, reason_not_here


class DocsTest:
    def __init__(self, settings, scratch):
        self.settings = settings
        self.root = pathlib.Path(settings["root"])
        self.scratch = scratch
        self.wrong = []
        self.counts = dict.fromkeys(["commands", "C++ blocks", "quotations", "texts"], 0)
        self.left_out = {}  # command: reason

    def collect(self, check, *arguments):
        try:
            return check(*arguments)
        except Wrong as wrong:
            self.wrong.append(str(wrong))
            return None

    def run_command(self, command, shown, at, shell):
        if reason := reason_not_here(command, self.root, at):
            self.left_out[command] = reason
            return
        if not command.startswith("minnow ") and " minnow " not in command:
            raise Wrong(f"{at}: nobody knows how to run \"{command}\"")
        printed, reason = shell.run(command, at)
        if printed is None:
            self.left_out[command] = reason
            return
        self.counts["commands"] += 1
        check_output(shown, printed, at)

    def run_document(self, name, text):
        folder = self.scratch / name.replace("/", "_")
        folder.mkdir()
        make_files(folder)
        shell = Shell(self.settings["minnow"], folder)
        blocks = self.collect(blocks_of, name, text) or []
        cpp = []
        for block in blocks:
            if block.mark.startswith("from "):
                self.counts["quotations"] += 1
                self.collect(check_quotation, block, self.root)
            elif block.language == "cpp":
                self.counts["C++ blocks"] += 1
                cpp.append(block)
            elif block.language == "cmake":
                self.wrong.append(f"{block.at()}: CMake has to be quoted from a file")
            elif block.language == "text" and not any(x.startswith("$ ") for x in block.lines):
                self.counts["texts"] += 1
            else:
                for offset, command, shown in commands_of(block):
                    self.collect(self.run_command, command, shown, block.at(offset), shell)
        self.collect(check_programs, [b for b in cpp if is_program(b)], self.settings, folder)
        self.collect(check_fragments, [b for b in cpp if not is_program(b)], self.settings,
                     pathlib.Path(__file__).parent.resolve() / "preamble.h", folder)
        prose = re.sub(r"^ *```\w+\n.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
        for check in CHECKS:
            self.collect(check, name, prose, self.root)
        if name == "README.md":
            self.collect(check_length, name, text)


def main():
    settings = json.loads(pathlib.Path(sys.argv[1]).read_text())
    root = pathlib.Path(settings["root"])
    names = sys.argv[2:] or [str(path.relative_to(root))
                             for path in [*sorted(root.glob("*.md")), *sorted(root.glob("docs/*.md"))]]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        test = DocsTest(settings, pathlib.Path(scratch))
        for name in names:
            test.run_document(name, (root / name).read_text())
    print(f"{len(names)} documents in {time.monotonic() - start:.0f} s: "
          + ", ".join(f"{count} {what}" for what, count in test.counts.items())
          + f"; {len(test.left_out)} commands not run here:")
    for command, reason in test.left_out.items():
        print(f"  {command}: {reason}")
    for wrong in test.wrong:
        print(wrong, file=sys.stderr)
    sys.exit(1 if test.wrong else 0)


if __name__ == "__main__":
    main()
