"""assay compare: the same thing is not called different, a tenth of the speed is, and what has no
rate in common is refused."""
import json

import support
from support import Case


def slow_down(result):
    for process in result["processes"]:
        for item in process["items"]:
            item["sample_end_ns"] = [10 * end for end in item["sample_end_ns"]]


class Compare(Case):
    def test_a_result_and_itself(self):
        compared = json.loads(self.must("compare", "result.json", "result.json", "--json"))
        self.assertEqual(compared["difference_cu_per_h"], 0.0)
        self.assertFalse(compared["differs"])
        self.assertGreater(compared["expanded_cu_per_h"], 0.0)
        self.assertLessEqual(compared["false_alarm_rate"], 0.06)
        said = self.must("compare", "result.json", "result.json")
        self.assertIn("no difference shown", said)
        self.assertRegex(said, r"K, first +[1-9][0-9.]* µ?CU/h")

    def test_a_tenth_of_the_speed_is_different(self):
        said = self.must("compare", "result.json",
                         self.edited("result.json", "slow.json", slow_down))
        self.assertIn("DIFFERENT", said)
        self.assertIn("-90.00 %", said)

    def test_another_basket_is_refused(self):
        self.edited("result.json", "other.json", lambda r: r["basket"].update(digest="0" * 64))
        self.refused(2, ["other.json", "rates of different baskets do not mix"],
                     "compare", "result.json", "other.json")

    def test_one_process_has_nothing_to_compare(self):
        def one_process(result):
            result["processes"] = result["processes"][:1]
            result["suite"]["processes"] = 1
        self.edited("result.json", "one.json", one_process)
        self.refused(2, ["second result", "one process"], "compare", "result.json", "one.json")


if __name__ == "__main__":
    support.main()
