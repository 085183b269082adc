#!/usr/bin/env python3
"""The check of compiled kernels is itself checked: each fault planted here must be found."""
import contextlib
import io
import pathlib
import shutil
import struct
import tempfile
import unittest
import unittest.mock

import check_compiled
import check_launched
import compiled
import make_page

REPORT = """\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'scale_rows' for 'sm_90'
ptxas info    : Function properties for scale_rows
    {stack} bytes stack frame, {spills} bytes spill stores, 8 bytes spill loads
ptxas info    : Used 172 registers, used 2 barriers, 256 bytes smem, 456 bytes cmem[0]
"""
GOOD_REPORT = REPORT.format(stack=0, spills=0).replace("8 bytes", "0 bytes")
PTX_TEXT = """\
.version 9.0
.target sm_90
.visible .entry scale_rows(
.param .u64 scale_rows_param_0
)
.maxntid 32, 8, 1
{
%s
}
"""
GOOD_BODY = "ld.global.nc.v4.u32 {%r1, %r2, %r3, %r4}, [%rd1];\nst.global.v4.b32 [%rd2], {};"
EXPECTATIONS = {
    "patterns": {
        "16-byte loads": {"ptx": r"ld\.global(\.nc)?\.v4\.u32", "sass": r"LDG\.E\.128",
                          "never_split": "ld"},
        "local memory": {"ptx": r"\.local\b", "sass": r"\bLDL\b"},
    },
    "not_hot": {},
    "expectations": [{"entries": "scale_\\w+", "holds": ["16-byte loads"]}],
}


NEW = "nvcc 13.0.88 for 90"


def fatbin(kind, architecture, payload, compressed_bytes=0):
    header = struct.pack("<HHIQII", kind, 0, 32, len(payload), compressed_bytes, 0)
    part = header.ljust(28, b"\0") + struct.pack("<I", architecture) + payload
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(part)) + part


def images_folder(report, body, folder, compiler=NEW):
    folder = pathlib.Path(folder)
    (folder / "images.cpp").write_text(
        '.incbin "/build/images/scale.fatbin"\nstd::string_view images_compiler() {\n'
        f'  return "{compiler}";\n}}\n', encoding="utf-8")
    (folder / "scale.ptxas").write_text(report, encoding="utf-8")
    ptx = (PTX_TEXT % body).encode() + b"\0" * 5
    (folder / "scale.fatbin").write_bytes(fatbin(compiled.PTX, 90, ptx))


class Reading(unittest.TestCase):
    def test_ptxas_report(self):
        self.assertEqual(compiled.read_ptxas(REPORT.format(stack=16, spills=4)),
                         [compiled.Resources("scale_rows", 90, 172, 256, 2, 16, 12)])

    def test_fatbin_of_ptx(self):
        modules = compiled.ptx_of_fatbin(fatbin(compiled.PTX, 90, (PTX_TEXT % "").encode()))
        entries = compiled.read_ptx(modules[90])
        self.assertEqual(list(entries), ["scale_rows"])

    def test_machine_code_is_no_ptx(self):
        self.assertEqual(compiled.ptx_of_fatbin(fatbin(compiled.CUBIN, 90, b"ELF")), {})

    def test_compressed_or_foreign_bytes_are_refused(self):
        with self.assertRaises(ValueError):
            compiled.read_fatbin(fatbin(compiled.PTX, 90, b"", compressed_bytes=4))
        with self.assertRaises(ValueError):
            compiled.read_fatbin(b"\x7fELF" + b"\0" * 32)

    def test_sass(self):
        text = ("arch = sm_80\n\tFunction : scale_rows\n  /*0000*/ LDG.E.128 R4, [R2] ;\n"
                "arch = sm_90\n\tFunction : scale_rows\n  /*0000*/ LDG.E R4, [R2] ;\n")
        sass = compiled.read_sass(text)
        self.assertIn("128", sass[80]["scale_rows"])
        self.assertNotIn("128", sass[90]["scale_rows"])


class Findings(unittest.TestCase):
    def findings(self, report=GOOD_REPORT, body=GOOD_BODY, compiler=NEW, **changes):
        expectations = check_compiled.Expectations({**EXPECTATIONS, **changes})
        with tempfile.TemporaryDirectory() as folder:
            images_folder(report, body, folder, compiler)
            return check_compiled.findings_of(folder, None, expectations)[0]

    def test_none_in_good_code(self):
        self.assertEqual(self.findings(), [])

    def test_spills(self):
        self.assertEqual(self.findings(REPORT.format(stack=0, spills=4)),
                         ["scale_rows sm_90: 12 bytes of spills"])

    def test_an_old_compiler_is_forgiven_small_spills(self):
        small = {"before_nvcc": 12, "bytes": 16, "entries": "scale_\\w+", "why": "few registers"}
        old = "nvcc 11.8.89 for 90"
        report = REPORT.format(stack=16, spills=4)
        self.assertEqual(self.findings(report, compiler=old, small_spills=small), [])
        self.assertEqual(len(self.findings(report, small_spills=small)), 2)
        self.assertEqual(len(self.findings(report, compiler=old)), 2)
        self.assertEqual(len(self.findings(REPORT.format(stack=16, spills=12), compiler=old,
                                           small_spills=small)), 1)

    def test_stack_frame(self):
        report = REPORT.format(stack=16, spills=0).replace("8 bytes spill", "0 bytes spill")
        self.assertEqual(self.findings(report), ["scale_rows sm_90: a stack frame of 16 bytes"])

    def test_an_entry_that_the_report_lacks(self):
        self.assertEqual(self.findings("ptxas info    : 0 bytes gmem\n"),
                         ["scale_rows sm_90: ptxas reports no registers of it"])

    def test_entries_that_are_not_hot_may_spill(self):
        report = REPORT.format(stack=16, spills=4)
        self.assertEqual(self.findings(report, not_hot={"scale_rows": "runs once"}), [])
        self.assertTrue(check_compiled.Expectations(EXPECTATIONS).is_hot("scale_rows"))
        self.assertFalse(check_compiled.Expectations(EXPECTATIONS).is_hot("scale_rows_any"))

    def test_narrow_loads(self):
        self.assertEqual(self.findings(body=GOOD_BODY.replace("v4", "v2")),
                         ["scale_rows sm_90: its PTX has no 16-byte loads"])

    def test_a_commented_load_is_no_load(self):
        self.assertEqual(self.findings(body="// " + GOOD_BODY.splitlines()[0]),
                         ["scale_rows sm_90: its PTX has no 16-byte loads"])

    def test_a_split_load(self):
        halves = GOOD_BODY + ("\nld.global.v2.u32 {%r1, %r2}, [%rd9+16];"
                              "\n@%p1 ld.global.nc.u64 %rd3, [%rd9+24];")
        self.assertEqual(self.findings(body=halves),
                         ["scale_rows sm_90: its PTX splits 1 of its 16-byte loads, as at %rd9"])

    def test_narrow_loads_that_are_no_split_load(self):
        for body in ("ld.global.u32 %r1, [%rd9];\nld.global.u32 %r2, [%rd9+4];",
                     "ld.global.u64 %rd1, [%rd9];\n$L__BB0_1:\nld.global.u64 %rd2, [%rd9+8];",
                     "ld.global.u64 %rd1, [%rd9+8];\nld.global.u64 %rd2, [%rd9+16];",
                     "st.global.u64 [%rd9], %rd1;\nst.global.u64 [%rd9+8], %rd2;"):
            self.assertEqual(self.findings(body=GOOD_BODY + "\n" + body), [])

    def test_local_memory(self):
        self.assertEqual(self.findings(body=GOOD_BODY + "\nst.local.u32 [%rd3], %r1;"),
                         ["scale_rows sm_90: its PTX uses local memory"])

    def test_what_newer_architectures_must_hold_others_need_not(self):
        expected = [{**EXPECTATIONS["expectations"][0], "from_architecture": 100}]
        self.assertEqual(self.findings(body="ret;", expectations=expected), [])

    def test_an_unexpected_entry(self):
        expected = [{"entries": "scale_columns", "holds": []}]
        self.assertEqual(self.findings(expectations=expected),
                         ["scale_rows: no expectation names it",
                          "scale_columns: is expected, but no entry is named so"])

    def test_a_stale_exception(self):
        self.assertEqual(self.findings(not_hot={"gone": "spilled once"}),
                         ["gone: is listed as not hot, but no image has it"])

    def test_machine_code(self):
        expectations = check_compiled.Expectations(EXPECTATIONS)
        code = {80: {"scale_rows": "LDG.E R4, [R2] ;\nLDL R1, [R1] ;"}}
        self.assertEqual(list(check_compiled.code_findings(expectations, "sass", code, NEW)),
                         ["scale_rows sm_80: its SASS has no 16-byte loads",
                          "scale_rows sm_80: its SASS uses local memory"])

    def test_machine_code_as_the_tool_prints_it(self):
        with tempfile.TemporaryDirectory() as folder:
            tool = pathlib.Path(folder) / "cuobjdump"
            tool.write_text("#!/bin/sh\necho 'arch = sm_90'; echo 'Function : scale_rows'\n",
                            encoding="utf-8")
            tool.chmod(0o755)
            images_folder(GOOD_REPORT, GOOD_BODY, folder)
            expectations = check_compiled.Expectations(EXPECTATIONS)
            self.assertEqual(check_compiled.find_cuobjdump(pathlib.Path(folder) / "nvcc"),
                             shutil.which("cuobjdump") or str(tool))
            self.assertEqual(check_compiled.findings_of(folder, str(tool), expectations)[0],
                             ["scale_rows sm_90: its SASS has no 16-byte loads"])

    def test_without_the_tool_machine_code_is_skipped_not_passed(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            images_folder(GOOD_REPORT, GOOD_BODY, folder)
            with (unittest.mock.patch.object(check_compiled, "find_cuobjdump", lambda nvcc: None),
                  unittest.mock.patch.object(
                      check_compiled, "Expectations",
                      lambda document, read=check_compiled.Expectations: read(EXPECTATIONS))):
                self.assertEqual(check_compiled.main(folder, "nvcc"), check_compiled.SKIPPED)
                self.assertEqual(check_compiled.main(folder), 0)
                # Findings of the PTX are no less findings.
                images_folder(REPORT.format(stack=0, spills=4), GOOD_BODY, folder)
                self.assertEqual(check_compiled.main(folder, "nvcc"), 1)


class Launches(unittest.TestCase):
    LARGE = {"entry": "scale_rows", "block_threads": 256, "dynamic_shared_bytes": 64}
    SMALL = {**LARGE, "block_threads": 32}
    RESOURCES = compiled.Resources("scale_rows", 90, 40)

    def rows(self, *records):
        return [row[1:] for row in make_page.resource_rows([self.RESOURCES], list(records))]

    def test_shapes_of_workloads(self):
        workload = {"contract": {}, "architecture": 90, "launches": [self.LARGE, self.SMALL]}
        other = {"architecture": 90, "launches": [{**self.LARGE, "block_threads": 512}]}
        self.assertEqual(self.rows(workload, other), [((32, 64), True), ((256, 64), True)])

    def test_the_largest_of_the_tests_where_no_workload_launches(self):
        other = {"architecture": 90, "launches": [self.LARGE, self.SMALL]}
        elsewhere = {**other, "architecture": 80, "contract": {}}
        self.assertEqual(self.rows(other, elsewhere), [((256, 64), False)])
        self.assertEqual(self.rows(elsewhere), [(None, False)])

    def test_an_entry_that_no_test_launches(self):
        entries = {(80, "scale_rows"), (90, "scale_rows"), (90, "scale_columns")}
        records = [{"architecture": 90, "launches": [self.LARGE]},
                   {"architecture": 80, "launches": []}]
        self.assertEqual(list(check_launched.never_launched(entries, records)),
                         ["scale_columns sm_90", "scale_rows sm_80"])

    def test_entries_of_images(self):
        with tempfile.TemporaryDirectory() as folder:
            images_folder(GOOD_REPORT, GOOD_BODY, folder)
            self.assertEqual(check_launched.entries_of(pathlib.Path(folder)),
                             {(90, "scale_rows")})


class Floors(unittest.TestCase):
    ACCELERATOR = {"dense_tflops": {"fp32": 20, "bf16": 300, "fp8": None, "fp64": 10,
                                    "fp64_tensor": 40}, "bandwidth_gb_per_s": [2000]}
    RECORDS = [{"contract": {"name": f"{name}/n1/{precision}", "precision": precision},
                "counted": {"tensor_flops": counted}} for name, precision, counted in
               [("norm/forward", "bf16", 0), ("stream/triad", "fp64", 0), ("moe/route", "bf16", 0),
                ("moe/expert_products", "bf16", 4096), ("attention/forward", "bf16", 4096)]]

    def floor(self, name, precision, flops, moved, by_library=False):
        workload = {"name": f"{name}/n4096/{precision}", "precision": precision, "flops": flops,
                    "bytes": moved, "bytes_issued": {} if by_library else {"80": moved}}
        return make_page.floor_us(self.ACCELERATOR, workload,
                                  make_page.multiplying_workloads(self.RECORDS))

    def test_bytes_take_longer(self):
        self.assertEqual(self.floor("norm/forward", "bf16", 1e6, 2e9), (1000, False))

    def test_flops_take_longer(self):
        self.assertEqual(self.floor("norm/forward", "bf16", 2e10, 2e6), (1000, True))

    def test_what_was_counted_in_matrix_instructions_is_a_product_in_any_family(self):
        self.assertEqual(self.floor("attention/forward", "bf16", 3e11, 2e6), (1000, True))
        self.assertEqual(self.floor("moe/expert_products", "bf16", 3e11, 2e6), (1000, True))
        self.assertEqual(self.floor("moe/route", "bf16", 2e10, 2e6), (1000, True))

    def test_what_a_library_does_is_a_product(self):
        self.assertIsNone(self.floor("gemm/square", "fp8_e4m3", 1e12, 1e6, by_library=True))
        self.assertEqual(self.floor("gemm/square", "fp64", 4e10, 1, by_library=True), (1000, True))
        self.assertEqual(self.floor("transformer/step", "bf16", 3e11, 1, by_library=True),
                         (1000, True))

    def test_lanes_compute_in_fp64_where_the_workload_does(self):
        self.assertEqual(self.floor("stream/triad", "fp64", 1e10, 1), (1000, True))

    def test_a_workload_that_no_test_counted_is_named(self):
        with self.assertRaisesRegex(ValueError, "newcomer/forward/n4096/bf16"):
            self.floor("newcomer/forward", "bf16", 1, 1)

    def test_issued_bytes_of_an_accelerator_with_other_tiles(self):
        self.assertEqual(make_page.issued_text({}), "—")
        self.assertEqual(make_page.issued_text({"80": 1000, "89": 1000, "90": 1000}), "1,000")
        self.assertEqual(make_page.issued_text({"80": 1000, "89": 2000, "90": 1000}),
                         "1,000; RTX 4090: 2,000")


if __name__ == "__main__":
    unittest.main()
