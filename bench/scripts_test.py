"""Tests of what bench/floor, bench/compare and bench/whole calculate: python3 bench/scripts_test.py"""

import importlib.machinery
import importlib.util
import pathlib
import unittest

from peers import rounds, work
from peers.workers import Place

BENCH = pathlib.Path(__file__).resolve().parent


def script(name):
    loader = importlib.machinery.SourceFileLoader(name, str(BENCH / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def answer(us, others=0.0):
    return {"us_per_step": us, "cpu_us_per_step": us, "loss": 1.0, "others": others}


def limit(gflops, stream, adam):
    return {"isa": "x86-64-v4", "gflops": {"best": gflops}, "stream_ns": {"best": stream},
            "adam_ns": {"best": adam}}


class Work(unittest.TestCase):
    def test_parameters_are_weights_and_biases(self):
        self.assertEqual(work.parameters("10-10-1"), 10 * 10 + 10 + 10 + 1)
        self.assertEqual(work.parameters("784-128-10"), 101_770)

    def test_the_first_layer_computes_no_input_gradient(self):
        # 10-10-1: two products of 32 x 10 x 10, three of 32 x 10 x 1, two operations each.
        self.assertEqual(work.products_flop("10-10-1", 32), 2 * 32 * (2 * 100 + 3 * 10))
        self.assertEqual(work.products_flop("4096-4096-4096-4096-4096", 512),
                         11 * 2 * 512 * 4096**2)

    def test_the_floor_by_hand(self):
        # 14,720 FLOP at 10 GFLOP/s are 1.472 us, 121 parameters of 2 ns 0.242 us.
        self.assertAlmostEqual(work.floor_us("10-10-1", 32, 10.0, 2.0), 1.472 + 0.242)


class Rounds(unittest.TestCase):
    def test_disturbed_rounds_do_not_count(self):
        found = rounds.summarise([answer(10), answer(50, others=0.5), answer(14)])
        self.assertEqual((found["us_per_step"], found["disturbed"]), (12, False))
        self.assertAlmostEqual(found["spread"], 2 / 12)

    def test_unless_there_is_no_other(self):
        found = rounds.summarise([answer(50, others=0.5)])
        self.assertEqual((found["us_per_step"], found["disturbed"]), (50, True))


class Floor(unittest.TestCase):
    def setUp(self):
        self.floor = script("floor")

    def row(self, *steps):
        found = [limit(80.0, 1.0, 2.0), limit(100.0, 2.0, 1.5)]
        return self.floor.result(("784-128-10", 32), Place("cpu", (0,)), found,
                                 [answer(us) for us in steps], [80.0, 100.0])

    def test_the_best_windows_against_the_median_step(self):
        row = self.row(400, 500, 300)
        self.assertAlmostEqual(row["floor_us"], 13_090_816 / 100e3 + 101.77)
        self.assertAlmostEqual(row["share"], row["floor_us"] / 400)
        self.assertAlmostEqual(row["ieee_share"], (13_090_816 / 100e3 + 1.5 * 101.77) / 400)
        self.assertAlmostEqual(row["peak_spread"], 10 / 90)
        self.assertEqual(row["target"], 0.75)
        self.assertNotIn("!", self.floor.line(row))

    def test_more_than_the_floor_allows_is_marked(self):
        self.assertIn("!", self.floor.line(self.row(200)))


class Whole(unittest.TestCase):
    def test_the_median_of_undisturbed_runs(self):
        runs = [{"seconds": seconds, "cpu_seconds": 1.0, "peak_mib": 90.0, "accuracy": 88.0,
                 "others": others} for seconds, others in ((2.0, 0.0), (9.0, 0.9), (3.0, 0.05))]
        row = script("whole").summarise("minnow", Place("cpu", (0, 1)), runs)
        self.assertEqual((row["seconds"], row["runs"], row["threads"]), (2.5, 2, 2))
        self.assertAlmostEqual(row["spread"], 0.2)


if __name__ == "__main__":
    unittest.main()
