"""The code blocks of a Markdown file, with what a comment before one says of it:

    <!-- test: declarations -->     C++ of namespace scope
    <!-- test: continues -->        C++ that goes on where the block before ended
    <!-- test: from core/src/x.h -->   lines that stand in this file
"""

import dataclasses
import re

LANGUAGES = {"cpp", "sh", "cmake", "text"}


class Wrong(Exception):
    """What is wrong in a document, with file and line."""


@dataclasses.dataclass
class Block:
    file: str
    line: int  # of its first line, from 1
    language: str
    lines: list
    mark: str = ""  # of the comment before it

    def at(self, offset=0):
        return f"{self.file}:{self.line + offset}"


def blocks_of(name, text):
    """Fenced blocks, and as shell commands what is indented by four blanks outside a list."""
    blocks, mark, fence, in_list = [], "", None, False
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if fence is not None:
            indent, block = fence
            if line.strip() == "```":
                blocks.append(block)
                fence = None
            else:
                block.lines.append(line[indent:] if not line[:indent].strip() else line)
            continue
        if found := re.match(r"( *)```(\w*)$", line):
            if found[2] not in LANGUAGES:
                raise Wrong(f"{name}:{number}: a block in \"{found[2]}\", not in "
                            f"{', '.join(sorted(LANGUAGES))}")
            fence = len(found[1]), Block(name, number + 1, found[2], [], mark)
            mark = ""
        elif found := re.match(r" *<!-- test: (.*) -->$", line):
            mark = found[1]
        elif line.startswith("    ") and not in_list:
            blocks.append(Block(name, number, "sh", [line.strip()]))
        elif line and not line.startswith(" "):
            in_list = bool(re.match(r"([-*]|\d+\.) ", line))
    if fence is not None:
        raise Wrong(f"{fence[1].at()}: the block has no end")
    if mark:
        raise Wrong(f"{name}: \"test: {mark}\" is before no block")
    return blocks
