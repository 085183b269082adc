#!/usr/bin/env python3
"""The comparison of two executors is itself checked: what it must not let pass is planted here."""
import array
import json
import unittest

import compare_executors

FLOATS = array.array("f", [1.0, -0.5, 0.25]).tobytes()
ROUNDED = array.array("f", [1.0, -0.5, 0.25 + 2**-22]).tobytes()
SLOTS = array.array("i", [7, 3, 70000]).tobytes()
OTHER_SLOTS = array.array("i", [7, 4, 70000]).tobytes()


class Agreement(unittest.TestCase):
    def test_ieee_arithmetic_is_held_bit_for_bit(self):
        self.assertTrue(compare_executors.agree(set(), FLOATS, FLOATS))
        self.assertFalse(compare_executors.agree(set(), FLOATS, ROUNDED))

    def test_a_kernel_that_may_round(self):
        self.assertTrue(compare_executors.agree({"norm_fp32"}, FLOATS, ROUNDED))
        self.assertFalse(compare_executors.agree({"norm_fp32"}, FLOATS, FLOATS[:8]))
        wrong = array.array("f", [1.0, -0.5, 0.26]).tobytes()
        self.assertFalse(compare_executors.agree({"norm_fp32"}, FLOATS, wrong))

    def test_integers_are_equal_whatever_was_launched(self):
        for entries in (set(), {"moe_route_forward_bf16"}):
            self.assertTrue(compare_executors.agree(entries, SLOTS, SLOTS))
            self.assertFalse(compare_executors.agree(entries, SLOTS, OTHER_SLOTS))

    def test_bf16_rounds_only_where_a_kernel_of_it_ran(self):
        first = bytes([0x80, 0x3F, 0x00, 0x3F])  # 1, 0.5
        second = bytes([0x81, 0x3F, 0x00, 0x3F])  # the next number after 1
        self.assertTrue(compare_executors.agree({"norm_bf16"}, first, second))
        self.assertFalse(compare_executors.agree({"norm_fp32"}, second, bytes([0x81, 0x3F, 0, 0xBF])))

    def test_instructions_that_may_round(self):
        for text in ("ex2.approx.ftz.f32 %f1, %f2;", "mma.sync.aligned.m16n8k16.row.col",
                     "rsqrt.approx.f32 %f1, %f2;", "wmma.mma.sync.aligned"):
            self.assertTrue(compare_executors.MAY_ROUND.search(text), text)
        for text in ("sqrt.rn.f32 %f1, %f2;", "fma.rn.f32", "div.rn.f32", "ldmatrix.sync.aligned"):
            self.assertFalse(compare_executors.MAY_ROUND.search(text), text)

    def test_copies_are_read(self):
        file = b"".join(json.dumps({"bytes": len(data), "entries": entries}).encode() + b"\n" + data
                        for entries, data in ((["a"], FLOATS), ([], b"\n\n"), (["b"], b"")))
        self.assertEqual(list(compare_executors.split(file)),
                         [(["a"], FLOATS), ([], b"\n\n"), (["b"], b"")])


if __name__ == "__main__":
    unittest.main()
