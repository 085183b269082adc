"""What nvcc left in a build's kernels/images: ptxas' reports, PTX and machine code by entry.

The folder holds images.cpp, which embeds <family>.fatbin for each family, and beside each fatbin
<family>.ptxas, what `ptxas -v` said of it.
"""
import dataclasses
import json
import pathlib
import re
import struct
import subprocess


@dataclasses.dataclass
class Resources:
    """What ptxas -v reports of one entry, or of a function that was not inlined."""
    name: str
    architecture: int
    registers: int = 0
    static_shared_bytes: int = 0
    barriers: int = 0
    stack_frame_bytes: int = 0
    spill_bytes: int = 0  # stores and loads


def read_images(folder):
    """The compiler ("nvcc 13.0.88 for 80, 90") and the families that images.cpp embeds."""
    text = (pathlib.Path(folder) / "images.cpp").read_text(encoding="utf-8")
    compiler = re.search(r'images_compiler\(\) \{\s*return "(.*?)";', text)[1]
    return compiler, re.findall(r'\.incbin ".*/(\w+)\.fatbin"', text)


def read_json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def read_records(paths):
    """What the test programs recorded (tests/ptx/workload_record.h); one may have nothing to tell."""
    return [record for path in paths if path.exists()
            for record in read_json_lines(path.read_text(encoding="utf-8"))]


def read_ptxas(text):
    """Resources of each entry and architecture of a report, in its order."""
    found = []
    architecture = 0
    for line in text.splitlines():
        if match := re.search(r"Compiling entry function '(\w+)' for 'sm_(\d+)", line):
            architecture = int(match[2])
        elif match := re.search(r"Function properties for (\w+)", line):
            found.append(Resources(match[1], architecture))
        elif match := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, "
                                r"(\d+) bytes spill loads", line):
            found[-1].stack_frame_bytes = int(match[1])
            found[-1].spill_bytes = int(match[2]) + int(match[3])
        elif match := re.search(r"Used (\d+) registers", line):
            found[-1].registers = int(match[1])
            if shared := re.search(r"(\d+)(?:\+\d+)? bytes smem", line):
                found[-1].static_shared_bytes = int(shared[1])
            if barriers := re.search(r"used (\d+) barriers", line):
                found[-1].barriers = int(barriers[1])
    return found


PTX, CUBIN = 1, 2


def read_fatbin(data):
    """(kind, architecture, payload) of each part of a fatbin, whose layout
    tests/ptx_device/fatbin.h describes."""
    magic, _, header_bytes, bytes_of_parts = struct.unpack_from("<IHHQ", data)
    if magic != 0xBA55ED50:
        raise ValueError("not a fatbin")
    at, parts = header_bytes, []
    while at < header_bytes + bytes_of_parts:
        kind, = struct.unpack_from("<H", data, at)
        part_header_bytes, payload_bytes, compressed = struct.unpack_from("<IQI", data, at + 4)
        architecture, = struct.unpack_from("<I", data, at + 28)
        if kind == PTX and compressed != 0:
            raise ValueError("the PTX is compressed: build with nvcc --no-compress")
        begin = at + part_header_bytes
        parts.append((kind, architecture, data[begin:begin + payload_bytes]))
        at = begin + payload_bytes
    return parts


def read_ptx(text):
    """The body of each entry of a PTX module, by name, without comments."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)
    return {match[1]: match[0] for match in
            re.finditer(r"^\.(?:visible|weak) \.entry (\w+)\(.*?^\}", text,
                        flags=re.DOTALL | re.MULTILINE)}


def ptx_of_fatbin(data):
    """{architecture: PTX module}."""
    return {architecture: payload.rstrip(b"\0").decode("utf-8")
            for kind, architecture, payload in read_fatbin(data) if kind == PTX}


ACCESS = re.compile(r"\b(ld|st)\.global[.\w:]*?(?:\.v(\d))?\.[bfsu](\d+)\s[^[]*"
                    r"\[(%\w+)(?:\+(-?\d+))?\]")


def split_packs(body):
    """What nvcc made of accesses of 16 bytes that it split: ("st", base register, offset) where
    narrower accesses of one basic block cover 16 bytes."""
    found, covered = [], {}
    for line in body.splitlines():
        if re.match(r"\s*[$\w]+:", line):  # a label begins a basic block
            covered.clear()
        match = ACCESS.search(line)
        if match is None:
            continue
        kind, lanes, bits, base, offset = match.groups()
        width = int(lanes or 1) * int(bits) // 8
        first = int(offset or 0)
        window = first - first % 16
        pieces = covered.setdefault((kind, base, window), set())
        pieces.update(range(first, first + width))
        if width < 16 and len(pieces) == 16:
            found.append((kind, base, window))
    return found


def read_sass(text):
    """{architecture: {entry: instructions}} of what `cuobjdump -sass` prints."""
    found, architecture, entry = {}, 0, None
    for line in text.splitlines():
        if match := re.search(r"^\s*arch = sm_(\d+)", line):
            architecture = int(match[1])
        elif match := re.search(r"^\s*Function : (\w+)", line):
            entry = found.setdefault(architecture, {}).setdefault(match[1], [])
        elif entry is not None:
            entry.append(line)
    return {architecture: {name: "\n".join(lines) for name, lines in entries.items()}
            for architecture, entries in found.items()}


def dump_sass(cuobjdump, fatbin):
    """read_sass of a fatbin's machine code."""
    return read_sass(subprocess.run([cuobjdump, "-sass", fatbin], capture_output=True, text=True,
                                    check=True).stdout)
