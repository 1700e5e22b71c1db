"""C++ blocks: whole programs are compiled and run by themselves, fragments all in one program."""

import re
import subprocess

from blocks import Wrong


def compile_and_run(name, source, settings, scratch):
    file = scratch / f"{name}.cpp"
    file.write_text(source)
    built = subprocess.run(
        [settings["compiler"], "-std=c++20", "-O0", "-Wall", "-Werror", "-Wno-unused-variable",
         "-Wno-unused-but-set-variable", *settings["flags"], str(file), "-o", str(scratch / name),
         *settings["libraries"]], text=True, capture_output=True)
    if built.returncode != 0:
        raise Wrong(f"does not compile:\n{built.stderr}")
    ran = subprocess.run([str(scratch / name)], cwd=scratch, text=True, capture_output=True)
    if ran.returncode != 0:
        raise Wrong(f"ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")


def check_quotation(block, root):
    file = block.mark.removeprefix("from ")
    wanted = [line.strip() for line in block.lines]
    try:
        lines = [line.strip() for line in (root / file).read_text().splitlines()]
    except FileNotFoundError:
        raise Wrong(f"{block.at()}: there is no {file}") from None
    if not any(lines[i:i + len(wanted)] == wanted for i in range(len(lines))):
        raise Wrong(f"{block.at()}: these lines are not in {file}")


def is_program(block):
    return any("int main(" in line for line in block.lines)


def check_programs(blocks, settings, scratch):
    for number, block in enumerate(blocks):
        source = f'#line {block.line} "{block.file}"\n' + "\n".join(block.lines) + "\n"
        try:
            compile_and_run(f"program_{number}", source, settings, scratch)
        except Wrong as wrong:
            raise Wrong(f"{block.at()}: {wrong}") from None


def check_fragments(blocks, settings, preamble, scratch):
    """One translation unit, because including minnow.h takes longest. #line makes the compiler
    speak of the document."""
    if not blocks:
        return
    groups = []
    for block in blocks:
        if block.mark != "continues" or not groups:
            groups.append([])
        groups[-1].append(block)
    source = [f'#include "{preamble}"']
    body, calls = [], []
    for number, group in enumerate(groups):
        declarations, statements = [], []
        for block in group:
            into = declarations if block.mark == "declarations" else statements
            for offset, line in enumerate(block.lines):
                if re.match(r"#include", line):
                    source.append(line)
                else:
                    into += [f'#line {block.line + offset} "{block.file}"', line]
        body += [f"namespace block_{number} {{", *declarations,
                 "void run() {", "Given given;",
                 *(f"auto& {name} = given.{name};"
                   for name in ("x", "y", "features", "device", "model", "trainer")),
                 "{", *statements, "}", "}", "}"]
        calls += [f'std::fprintf(stderr, "{group[0].at()}\\n");', f"block_{number}::run();"]
    source += body + ["int main() {", *calls, "}"]
    compile_and_run("fragments", "\n".join(source) + "\n", settings, scratch)
