#!/usr/bin/env python3
"""Makes docs/cuda_kernels.md of what nvcc reported, what the functional device counted, what the
workloads' contracts say, and the peaks of four accelerators.

Compares with the page that is there, and prints the difference (exit 1), or writes it with --write.
A page of another compiler or other architectures can't be compared: one line, exit 77.
"""
import argparse
import difflib
import json
import pathlib
import subprocess
import sys

import compiled

SKIPPED = 77
ARCHITECTURE_OF = {"A100 SXM4 80GB": 80, "H100 SXM5 80GB": 90, "H20": 90, "RTX 4090": 89}
INTRODUCTION = """\
# CUDA kernels: compiled, counted, bounded

Compiler: {compiler}.

Made by `cmake --build build/release --target docs_cuda_kernels` after `ctest -L ptx`; a test holds
it current. No number here was measured on a GPU: registers and shared memory are what ptxas
reports, counts are what the functional device executed, and floors follow from printed peaks.
"""
RESOURCES = """
## Registers, shared memory, occupancy

For each entry and architecture. Block and dynamic shared memory are as the tests' workloads launch
the entry; where none does, as the largest block of the families' tests, marked *. Occupancy is
warps resident on a multiprocessor over the most it can hold, by NVIDIA's cuda_occupancy.h, and
beside it what allows no more. Spills are bytes stored and loaded;
`tests/compiled/check_compiled.py` fails on any in a kernel that workloads run. That no entry goes
without a launch, `tests/compiled/check_launched.py` holds.
"""
COUNTS = """
## Counted beside the contract

One iteration of each workload at a size that the functional device executes. Bytes are what the
instructions ask of global memory, lane by lane, with no cache. Compulsory: each tensor once.
Issued: what the launch's formula says; a test holds the count within 2 % of it. FLOPs of the
contract are the model's; counted are all that were executed outside and inside matrix instructions
(a multiply-add is two).
"""
FLOORS = """
## Time floors

The least time of an iteration, in µs, at the sizes that a GPU is measured with: FLOPs over the peak
or compulsory bytes over the bandwidth, whichever takes longer († where FLOPs do). Products (what a
library multiplies, the steps made of that, and kernels in which matrix instructions were counted)
are set against the peak of their precision, of the tensor cores where they know it; all else is
computed lane by lane and set against that peak: FP64's for FP64, FP32's for any other type. Issued
bytes are — where a library's kernels do the work, and named apart for an accelerator whose shared
memory asks for other tiles. Peaks and bandwidths: `results/edition/data/{peaks}`.
"""


def table(columns, rows):
    """A Markdown table. columns: (title, whether it holds numbers)."""
    yield ""
    yield "| " + " | ".join(title for title, _ in columns) + " |"
    yield "|" + "|".join("---:" if numbers else "---" for _, numbers in columns) + "|"
    for row in rows:
        yield "| " + " | ".join(str(cell) for cell in row) + " |"


# --- what the compiler made of it

def launched_shapes(records):
    """{(architecture, entry): block shapes} of all records."""
    shapes = {}
    for record in records:
        for launch in record["launches"]:
            key = (record["architecture"], launch["entry"])
            shape = (launch["block_threads"], launch["dynamic_shared_bytes"])
            shapes.setdefault(key, set()).add(shape)
    return shapes


def of_workloads(records):
    return [record for record in records if "contract" in record]


def resource_rows(resources, records):
    """(resources of an entry, block shape or None, whether a workload's) for each row."""
    by_workloads, by_tests = launched_shapes(of_workloads(records)), launched_shapes(records)
    for r in sorted(resources, key=lambda r: (r.name, r.architecture)):
        key = (r.architecture, r.name)
        for shape in sorted(by_workloads.get(key, [])):
            yield r, shape, True
        if key not in by_workloads:
            yield r, max(by_tests.get(key, []), default=None), False


def occupancies(program, rows):
    """What the occupancy program says of each row that has a block shape."""
    lines = [f"{r.architecture} {r.registers} {shape[0]} {r.static_shared_bytes} {shape[1]} "
             f"{r.barriers}" for r, shape, _ in rows if shape]
    answers = iter(subprocess.run([program], input="\n".join(lines), capture_output=True, text=True,
                                  check=True).stdout.splitlines())
    return [next(answers).split() if shape else None for _, shape, _ in rows]


def resource_table(rows, answers):
    cells = []
    for (r, shape, is_workload), answer in zip(rows, answers):
        cell = [f"`{r.name}`", f"sm_{r.architecture}", r.registers, r.spill_bytes,
                r.static_shared_bytes]
        if shape:
            blocks, warps, most_warps, limits = answer
            cell += [shape[1], f"{shape[0]}{'' if is_workload else '*'}", blocks,
                     f"{100 * int(warps) / int(most_warps):.0f} %", limits.replace(",", ", ")]
        else:
            cell += [""] * 5
        cells.append(cell)
    return table([("entry", False), ("for", False), ("registers", True), ("spills", True),
                  ("static shared", True), ("dynamic shared", True), ("block", True),
                  ("blocks", True), ("occupancy", True), ("limited by", False)], cells)


def resource_section(images, families, records, occupancy_program):
    yield from RESOURCES.splitlines()
    for family in families:
        report = (images / f"{family}.ptxas").read_text(encoding="utf-8")
        rows = list(resource_rows(compiled.read_ptxas(report), records))
        yield ""
        yield f"### {family}"
        yield from resource_table(rows, occupancies(occupancy_program, rows))


# --- what was counted

def ratio(a, b):
    return f"{a / b:.2f}" if b else "—"


def count_rows(records):
    for record in sorted(of_workloads(records), key=lambda r: (r["contract"]["name"], r["architecture"])):
        contract, counted = record["contract"], record["counted"]
        moved = counted["global_read_bytes"] + counted["global_written_bytes"]
        yield [contract["name"], f"sm_{record['architecture']}", f"{counted['instructions']:,}",
               f"{counted['global_read_bytes']:,}", f"{counted['global_written_bytes']:,}",
               f"{record['bytes_issued']:,}", ratio(moved, record["bytes_issued"]),
               f"{contract['bytes']:,}", ratio(record["bytes_issued"], contract["bytes"]),
               f"{counted['flops']:,}", f"{counted['tensor_flops']:,}", f"{contract['flops']:,}",
               f"{counted['barriers']:,}"]


def count_section(records):
    yield from COUNTS.splitlines()
    yield from table([("workload", False), ("for", False), ("instructions", True),
                      ("bytes read", True), ("bytes written", True), ("bytes issued", True),
                      ("counted / issued", True), ("bytes compulsory", True),
                      ("issued / compulsory", True), ("FLOPs counted", True),
                      ("in matrix instructions", True), ("FLOPs of contract", True),
                      ("barriers", True)], count_rows(records))


# --- what a GPU can't beat

def kind_of(workload):
    """A workload's name without its size: (family, operation, precision)."""
    family, operation, *_ = workload["name"].split("/")
    return family, operation, workload["precision"]


def multiplying_workloads(records):
    """{kind of workload: whether matrix instructions were counted}."""
    return {kind_of(record["contract"]): record["counted"]["tensor_flops"] > 0
            for record in of_workloads(records)}


def is_product(workload, multiplying):
    """What kernels of ours do the tests have counted; the rest are a library's products, and steps
    made of them."""
    if not workload["bytes_issued"]:
        return True
    if kind_of(workload) not in multiplying:
        raise ValueError(f"{workload['name']}: no test counted such a workload, so whether tensor "
                         "cores do its FLOPs is not known: add an expect_workload() of it")
    return multiplying[kind_of(workload)]


def peak_tflops(accelerator, workload, multiplying):
    """The peak that a workload's FLOPs are set against, or None where none is published."""
    peaks = accelerator["dense_tflops"]
    precision = workload["precision"]
    if not is_product(workload, multiplying):
        return peaks["fp64" if precision == "fp64" else "fp32"]
    if precision == "fp64":
        return peaks["fp64_tensor"] or peaks["fp64"]
    return peaks["fp8" if precision.startswith("fp8") else precision]


def floor_us(accelerator, workload, multiplying):
    """(microseconds, whether FLOPs take longer than bytes), or None without a peak."""
    peak = peak_tflops(accelerator, workload, multiplying)
    if peak is None:
        return None
    of_flops = workload["flops"] / (peak * 1e12) * 1e6
    of_bytes = workload["bytes"] / (accelerator["bandwidth_gb_per_s"][0] * 1e9) * 1e6
    return max(of_flops, of_bytes), of_flops > of_bytes


def floor_text(floor):
    if floor is None:
        return "—"
    microseconds, by_flops = floor
    return f"{microseconds:.{1 if microseconds >= 10 else 2}f}{' †' if by_flops else ''}"


def issued_text(issued):
    """Bytes issued, {"80": bytes}: one number where all architectures agree, else that of most and
    beside it which accelerators differ."""
    if not issued:
        return "—"
    by_sku = {sku: issued[str(architecture)] for sku, architecture in ARCHITECTURE_OF.items()}
    of_most = max(by_sku.values(), key=list(by_sku.values()).count)
    others = [f"; {sku}: {bytes_:,}" for sku, bytes_ in by_sku.items() if bytes_ != of_most]
    return f"{of_most:,}" + "".join(others)


def floor_section(workloads, records, peaks, peaks_name):
    multiplying = multiplying_workloads(records)
    by_sku = {accelerator["sku"]: accelerator for accelerator in peaks["accelerators"]}
    accelerators = [by_sku[sku] for sku in ARCHITECTURE_OF]
    yield from FLOORS.format(peaks=peaks_name).splitlines()
    rows = [[w["name"], f"{w['flops']:,}", f"{w['bytes']:,}",
             issued_text(w["bytes_issued"]), ratio(w["flops"], w["bytes"]),
             *(floor_text(floor_us(a, w, multiplying)) for a in accelerators)]
            for w in sorted(workloads, key=lambda w: w["name"])]
    yield from table([("workload", False), ("FLOPs", True), ("bytes compulsory", True),
                      ("bytes issued", True), ("FLOP/byte", True),
                      *((sku, True) for sku in ARCHITECTURE_OF)], rows)


def make_page(arguments):
    compiler, families = compiled.read_images(arguments.images)
    peaks = json.loads(arguments.peaks.read_text(encoding="utf-8"))
    records = compiled.read_records(arguments.records)
    workloads = compiled.read_json_lines(
        subprocess.run([arguments.workloads], capture_output=True, text=True, check=True).stdout)
    lines = [*INTRODUCTION.format(compiler=compiler).splitlines(),
             *resource_section(arguments.images, families, records, arguments.occupancy),
             *count_section(records), *floor_section(workloads, records, peaks, arguments.peaks.name)]
    return "\n".join(lines) + "\n"


def compiler_line(page):
    return next((line for line in page.splitlines() if line.startswith("Compiler: ")), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=pathlib.Path, required=True)
    parser.add_argument("--images", type=pathlib.Path, required=True, help="kernels/images")
    parser.add_argument("--peaks", type=pathlib.Path, required=True, help="results/edition/data/…")
    parser.add_argument("--workloads", required=True, help="the program list_cuda_workloads")
    parser.add_argument("--occupancy", required=True, help="the program occupancy")
    parser.add_argument("--records", type=pathlib.Path, nargs="+", required=True,
                        help="what the tests counted")
    parser.add_argument("--write", action="store_true", help="renew the page")
    arguments = parser.parse_args()

    if not any(path.exists() for path in arguments.records):
        print("skipped: nothing was counted on the functional device: run ctest -L ptx first")
        return 1 if arguments.write else SKIPPED
    made = make_page(arguments)
    if arguments.write:
        arguments.page.write_text(made, encoding="utf-8")
        return 0
    there = arguments.page.read_text(encoding="utf-8")
    if compiler_line(there) != compiler_line(made):
        print(f"skipped: the page is of another compiler: {compiler_line(there)} "
              f"Here: {compiler_line(made)}")
        return SKIPPED
    if there == made:
        return 0
    for line in list(difflib.unified_diff(there.splitlines(), made.splitlines(), "page", "now",
                                          lineterm="", n=0))[:40]:
        print(line)
    print(f"{arguments.page} is not current: cmake --build BUILD --target docs_cuda_kernels")
    return 1


if __name__ == "__main__":
    sys.exit(main())
