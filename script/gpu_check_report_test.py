"""Tests of gpu_check_report.py: python3 -m unittest discover script '*_test.py'"""

import json
import pathlib
import tempfile
import unittest

import gpu_check_report as report

RATES = {"product_tflops": {"tf32": 400.0}}


def result(engine, us, model="784-128-10", batch=32, precision="fp32"):
    times = {"us_per_step": us} if us else {"reason": "no such module"}
    return {"engine": engine, "model": model, "batch": batch, "precision": precision} | times


def row(*results):
    return report.rows_of({"results": list(results)}, RATES)[0]


class Rows(unittest.TestCase):
    def test_the_ratio_is_that_of_the_fastest_peer(self):
        found = row(result("minnow", 10), result("torch strong", 300), result("jax scan", 40),
                    result("torch graph", None))
        self.assertEqual((found["best_peer"], found["ratio"]), ("jax scan", 4))
        self.assertEqual(found["verdict"], "met")

    def test_a_missed_target_names_what_missed(self):
        self.assertEqual(row(result("minnow", 20), result("jax scan", 40))["verdict"],
                         "missed: us, ratio")

    def test_no_peer_is_no_verdict(self):
        self.assertEqual(row(result("minnow", 10))["verdict"], "not measured: ratio")

    def test_minnow_not_measured(self):
        self.assertEqual(row(result("minnow", None), result("jax scan", 40))["verdict"],
                         "not measured: us, ratio")

    def test_the_rate_counts_eleven_products(self):
        large = {"model": report.LARGE, "batch": 4096, "precision": "tf32"}
        self.assertEqual(report.products_flop(report.LARGE, 4096), 11 * 2 * 4096**3)
        found = row(result("minnow", 4000, **large), result("jax scan", 5000, **large))
        self.assertAlmostEqual(found["tflops"], 378, 0)
        self.assertEqual(found["verdict"], "met")
        self.assertIn("4096x4", report.table([found]))


class Doctor(unittest.TestCase):
    def test_says_problems_and_the_self_test(self):
        checks = [{"topic": "CPU", "verdict": "good", "text": "AMD EPYC"},
                  {"topic": "cudnn", "verdict": "problem", "text": "cuDNN is not whole"},
                  {"topic": "self-test", "verdict": "good", "text": "max|Δw| 1.0e-06"}]
        doctor = {"auto": "cuda:0", "problems": 1, "probe_milliseconds": 120.4, "checks": checks}
        self.assertEqual(report.doctor_lines({"doctor": doctor}), [
            "doctor: --device=auto takes cuda:0; 1 problems; the probe took 120 ms",
            "cudnn: problem: cuDNN is not whole", "self-test: good: max|Δw| 1.0e-06"])

    def test_says_nothing_when_it_did_not_run(self):
        with tempfile.TemporaryDirectory() as folder:
            said = report.said_by(pathlib.Path(folder), "self_test")
        self.assertEqual((said, report.doctor_lines(said)), (None, []))


class Problems(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)
        self.steps = []

    def step(self, name, code="0", cases=()):
        self.steps.append(f"{name}\t{code}\t1\tcommand")
        (self.work / "steps.tsv").write_text("\n".join(self.steps))
        suite = [{"name": case} | ({"failures": [{}]} if failed else {"result": "COMPLETED"})
                 for case, failed in cases]
        (self.work / f"{name}.json").write_text(
            json.dumps({"testsuites": [{"name": "Ops", "testsuite": suite}]}))

    def problems(self):
        steps = report.steps_of(self.work)
        return report.problems_of(report.tests_of(self.work, steps), steps)

    def test_nothing_ran(self):
        self.step("configure", "1")
        self.assertEqual(self.problems(), ["no test passed", "configure: exit 1"])

    def test_a_failed_test_is_named(self):
        self.step("test.ops_test", "1", [("Linear", True), ("Softmax", False)])
        self.assertEqual(self.problems(), ["test.ops_test: Ops.Linear"])

    def test_a_failed_benchmark_is_none(self):
        self.step("test.ops_test", "0", [("Linear", False)])
        self.step("peers", "1")
        self.step("sanitizer.memcheck", "1")
        self.assertEqual(self.problems(), [])

    def test_a_self_test_that_failed(self):
        self.step("test.ops_test", "0", [("Linear", False)])
        self.step("doctor", "70")
        self.step("self_test", "70")
        self.assertEqual(self.problems(), ["self_test: exit 70"])

    def test_what_a_sanitizer_found(self):
        self.step("test.ops_test", "0", [("Linear", False)])
        self.step("sanitizer.memcheck", "99")
        self.step("sanitizer.initcheck", "99")
        self.assertEqual(self.problems(), ["sanitizer.memcheck found errors"])


if __name__ == "__main__":
    unittest.main()
