#!/usr/bin/env python3
"""What script/progress makes of ninja's lines: in a pipe, and on a terminal of 80 columns."""

import os
import pathlib
import pty
import re
import subprocess
import unittest

SCRIPT = pathlib.Path(__file__).parent / "progress"
STEPS = "".join(f"[{i}/200] Building CXX object a/very/long/path/of/an/object_{i}.cpp.o\n"
                for i in range(1, 201))
WARNING = "a.cpp:1:2: warning: unused variable\n    1 | int x;\n"
QUIET = "[0/1] Re-running CMake...\n-- Configuring done\n"


def in_a_pipe(text):
    result = subprocess.run([SCRIPT], input=text, capture_output=True, text=True, check=True)
    return result.stdout, result.stderr.splitlines()


class Progress(unittest.TestCase):
    def test_hundreds_of_steps_are_two_lines(self):
        out, lines = in_a_pipe(QUIET + STEPS)
        self.assertEqual(out, "")
        self.assertEqual(len(lines), 2, lines)
        self.assertRegex(lines[0], r"^minnow: 200 steps to build, usually \d+ min or less$")
        self.assertRegex(lines[1], r"^minnow: built 200 of 200 \(100 %\) in 0:\d\d$")

    def test_a_few_steps_are_no_word_worth(self):
        self.assertEqual(in_a_pipe("[1/2] Building CXX object a.o\n[2/2] Linking a\n"), ("", []))
        self.assertEqual(in_a_pipe("ninja: no work to do.\n")[1], ["ninja: no work to do."])

    def test_warnings_and_errors_come_through(self):
        failed = "FAILED: a.o \nc++ -c a.cpp\na.cpp:1:1: error: expected\nninja: build stopped."
        lines = in_a_pipe(STEPS[:STEPS.index("[50/")] + WARNING + failed)[1]
        self.assertEqual("\n".join(lines[1:-1]), WARNING + failed)
        self.assertRegex(lines[-1], r"^minnow: built 49 of 200 \(24 %\) in 0:\d\d$")

    def test_a_terminal_gets_one_line_that_is_rewritten(self):
        terminal, end = pty.openpty()
        feed = subprocess.Popen(["sh", "-c", "cat; sleep 1.2; printf '%s' \"$0\"", WARNING],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        script = subprocess.Popen([SCRIPT], stdin=feed.stdout, stderr=end,
                                  env={**os.environ, "TERM": "xterm"})
        os.close(end)
        feed.stdout.close()
        feed.communicate(STEPS.encode())
        script.wait()
        feed.wait()
        text = b""
        while True:
            try:
                text += os.read(terminal, 65536)
            except OSError:  # the other end has gone
                break
        os.close(terminal)
        lines = text.decode().split("\r\n")
        self.assertRegex(lines[0], r"^\r\x1b\[Kminnow: 200 steps to build")
        shown = re.findall(r"\r\x1b\[K(minnow: built [^\r]*)", text.decode())
        self.assertGreater(len(shown), 1)
        for line in shown:
            self.assertLess(len(line), 80)
        self.assertTrue(any(line.endswith("warning: unused variable") for line in lines), lines)
        self.assertEqual(lines[-1], "")


if __name__ == "__main__":
    unittest.main()
