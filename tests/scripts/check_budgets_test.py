#!/usr/bin/env python3
"""Budgets of labels and of single tests: kept, named as slow, exceeded.

Usage: check_budgets_test.py CHECK_BUDGETS
"""
import contextlib
import importlib.util
import io
import sys
import unittest

SPEC = importlib.util.spec_from_file_location("check_budgets", sys.argv.pop())
check_budgets = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_budgets)

RULES = [{"tests": "(?!whole).*_cuda_test", "seconds": 10, "fails_at": 3}]


def told(check, *arguments):
    """What a check prints and says."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        kept = check(*arguments)
    return printed.getvalue(), kept


class Labels(unittest.TestCase):
    def verdict(self, seconds, budgets):
        return told(check_budgets.check_labels, {"a": seconds, "b": 1.0},
                    {"a": ["unit"], "b": ["unit"]}, budgets)

    def test_within(self):
        self.assertEqual(self.verdict(4.0, {"unit": 5}), ("unit              5.0 s of 5 s  ok\n", True))

    def test_over(self):
        text, kept = self.verdict(4.1, {"unit": 5})
        self.assertIn("OVER", text)
        self.assertFalse(kept)

    def test_without_a_budget(self):
        text, kept = self.verdict(0.1, {})
        self.assertIn("no budget", text)
        self.assertFalse(kept)


class SingleTests(unittest.TestCase):
    def verdict(self, **times):
        return told(check_budgets.check_single_tests, times, RULES)

    def test_within(self):
        text, kept = self.verdict(norm_cuda_test=10.0, rope_cuda_test=1.0)
        self.assertIn("10.0 s of 10 s  the slowest of 2: norm_cuda_test", text)
        self.assertNotIn("slow:", text)
        self.assertTrue(kept)

    def test_slow_is_named_and_kept(self):
        text, kept = self.verdict(norm_cuda_test=30.0)
        self.assertIn("norm_cuda_test 30.0 s of 10 s  slow: fails from 3 times on", text)
        self.assertTrue(kept)

    def test_beyond_the_factor(self):
        text, kept = self.verdict(norm_cuda_test=30.1)
        self.assertIn("norm_cuda_test 30.1 s of 10 s  OVER", text)
        self.assertFalse(kept)

    def test_others_are_not_held(self):
        self.assertEqual(self.verdict(whole_cuda_test=100.0, norm_test=100.0), ("", True))


if __name__ == "__main__":
    unittest.main()
