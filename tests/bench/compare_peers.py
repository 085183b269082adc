#!/usr/bin/env python3
"""Training-step speed against peers, as ratios from one run on this machine.

GPT-2 124M, forward + backward + AdamW, tokens per second:
  assay          the program under test, BF16 where the CPU has it and FP32
  plain C        a CPU GPT-2 trainer in plain C that reads gpt2_124M.bin and prints
                 "step ... (took ... ms)", B=4 T=64: its source, train_gpt2.c or the folder that
                 holds it, by --plain-c or ASSAY_PEER_PLAIN_C. It is compiled here, so that the
                 flags are those stated; the command is printed.
  PyTorch        Debian's python3-torch with libopenblas0-pthread, FP32, the same model written here
                 (the reference BLAS, which it takes where no other is installed, is no peer)
  oneDNN         its 2048^3 product, measured by assay: the roof

Peers that are absent are one skip line each. All run in turn, round after round, so that drift
hits them alike; medians over rounds are compared.

Usage: compare_peers.py [--assay PROGRAM] [--plain-c SOURCE] [--rounds N]
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time

LAYERS, WIDTH, HEADS, VOCABULARY, PADDED, POSITIONS = 12, 768, 12, 50257, 50304, 1024
SHAPES = [(4, 64), (2, 512)]


# What the plain-C trainer's own Makefile asks for, with gcc and OpenMP.
PLAIN_C_FLAGS = ["-Ofast", "-march=native", "-fopenmp", "-DOMP", "-w"]


def compiled_plain_c(source, folder):
    """The trainer, compiled into `folder`; None with a skip line where there is no such source."""
    source = pathlib.Path(source or "").resolve()
    if source.is_dir():
        source = source / "train_gpt2.c"
    if source.suffix != ".c" or not source.is_file():
        print("skip: plain-C trainer (give its source by --plain-c: train_gpt2.c or its folder)")
        return None
    program = folder / "train_gpt2"
    command = [os.environ.get("CC", "gcc"), *PLAIN_C_FLAGS, str(source), "-o", str(program), "-lm"]
    print("plain C: " + " ".join(command))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reasons = [line for line in done.stderr.splitlines() if "error" in line]
        sys.exit(reasons[0] if reasons else f"{source}: error: does not compile")
    return program


def gaussian_floats(count, deviation):
    """Bytes of float32 normal data: the checkpoint only has to be random and well scaled."""
    import numpy
    return numpy.random.default_rng(1).normal(0.0, deviation, count).astype(numpy.float32).tobytes()


def write_checkpoint(folder):
    """A randomly initialised checkpoint and token files in the layout that the plain-C trainer
    reads: 256 int32 of header, then all tensors in float32; tokens as uint16."""
    import numpy
    c, layers = WIDTH, LAYERS
    header = [20240326, 3, POSITIONS, VOCABULARY, layers, HEADS, c, PADDED] + [0] * 248
    ones = lambda count: numpy.ones(count, numpy.float32).tobytes()
    zeros = lambda count: numpy.zeros(count, numpy.float32).tobytes()
    with open(folder / "gpt2_124M.bin", "wb") as file:
        file.write(struct.pack("256i", *header))
        for block in (gaussian_floats(PADDED * c, 0.02), gaussian_floats(POSITIONS * c, 0.02),
                      ones(layers * c), zeros(layers * c),
                      gaussian_floats(layers * 3 * c * c, 0.02), zeros(layers * 3 * c),
                      gaussian_floats(layers * c * c, 0.02), zeros(layers * c),
                      ones(layers * c), zeros(layers * c),
                      gaussian_floats(layers * 4 * c * c, 0.02), zeros(layers * 4 * c),
                      gaussian_floats(layers * 4 * c * c, 0.02), zeros(layers * c),
                      ones(c), zeros(c)):
            file.write(block)
    data = folder / "dev" / "data" / "tinyshakespeare"
    data.mkdir(parents=True)
    tokens = numpy.random.default_rng(2).integers(0, VOCABULARY, 40000, dtype=numpy.uint16)
    for name in ("tiny_shakespeare_train.bin", "tiny_shakespeare_val.bin"):
        with open(data / name, "wb") as file:
            file.write(struct.pack("256i", 20240520, 1, len(tokens), *([0] * 253)))
            file.write(tokens.tobytes())


def plain_c_tokens_per_s(program, folder, steps=9):
    """Median over `steps` steps after the first; the trainer is stopped when they are done. It runs
    in `folder`, where write_checkpoint() left what it reads."""
    process = subprocess.Popen(["stdbuf", "-oL", str(program)], cwd=folder, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    times_ms = []
    for line in process.stdout:
        found = re.search(r"step \d+: .*took ([0-9.]+) ms", line)
        if found:
            times_ms.append(float(found[1]))
        if len(times_ms) > steps:
            break
    process.kill()
    process.wait()
    if len(times_ms) < 2:
        raise RuntimeError("the plain-C trainer printed no step times")
    return 4 * 64 / (statistics.median(times_ms[1:]) / 1e3)


def torch_is_fast():
    """Whether the BLAS that PyTorch has loaded is one made for speed."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        loaded = maps.read()
    return any(name in loaded for name in ("openblas", "libmkl", "libblis"))


def torch_step(batch, sequence):
    """A function that runs one PyTorch training step of the same model."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.qkv, self.projection = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
            self.register_buffer("mask", torch.ones(sequence, sequence).tril().bool())

        def forward(self, x):
            b, t, c = x.shape
            q, k, v = (y.view(b, t, HEADS, c // HEADS).transpose(1, 2)
                       for y in self.qkv(self.norm1(x)).split(c, 2))
            scores = (q @ k.transpose(-2, -1)) * (c // HEADS) ** -0.5
            weights = scores.masked_fill(~self.mask[:t, :t], float("-inf")).softmax(-1)
            x = x + self.projection((weights @ v).transpose(1, 2).reshape(b, t, c))
            return x + self.down(functional.gelu(self.up(self.norm2(x))))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.positions = (nn.Embedding(VOCABULARY, WIDTH),
                                           nn.Embedding(POSITIONS, WIDTH))
            self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
            self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)
            self.head.weight = self.tokens.weight

        def forward(self, tokens, targets):
            x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
            logits = self.head(self.norm(self.blocks(x)))
            return functional.cross_entropy(logits.view(-1, VOCABULARY), targets.reshape(-1))

    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step():
        tokens = torch.randint(0, VOCABULARY, (batch, sequence + 1))
        loss = model(tokens[:, :-1], tokens[:, 1:])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def torch_tokens_per_s(step, batch, sequence, steps=3):
    times = []
    for _ in range(steps):
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return batch * sequence / statistics.median(times)


def assay_figures(program):
    """Every step and product of one `assay bench` run: name -> (FLOP/s, tokens/s or None)."""
    output = subprocess.run(
        [program, "bench", "--", "--benchmark_format=json",
         "--benchmark_min_time=4", "--benchmark_filter=gpt2-124m_step|gemm/square/.*(fp32|bf16)"],
        capture_output=True, text=True, check=True).stdout
    return {b["name"]: b for b in json.loads(output)["benchmarks"] if not b.get("error_occurred")}


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--assay", default=root / "build" / "release" / "bin" / "assay")
    parser.add_argument("--plain-c", metavar="SOURCE", default=os.environ.get("ASSAY_PEER_PLAIN_C"),
                        help="train_gpt2.c or the folder that holds it; compiled here")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    ours, plain_c, torch_rates = {}, [], {shape: [] for shape in SHAPES}
    temporary = tempfile.TemporaryDirectory()
    folder = pathlib.Path(temporary.name)
    trainer = compiled_plain_c(options.plain_c, folder)
    if trainer:
        write_checkpoint(folder)
    try:
        import torch
        torch_steps = {shape: torch_step(*shape) for shape in SHAPES if torch_is_fast()}
        if not torch_steps:
            print("skip: PyTorch multiplies by the reference BLAS (Debian package "
                  "libopenblas0-pthread)")
        for step in torch_steps.values():
            step()
    except ImportError:
        torch_steps = {}
        print("skip: PyTorch (Debian package python3-torch)")

    for _ in range(options.rounds):
        for name, figure in assay_figures(options.assay).items():
            ours.setdefault(name, []).append(figure)
        if trainer:
            plain_c.append(plain_c_tokens_per_s(trainer, folder))
        for shape, step in torch_steps.items():
            torch_rates[shape].append(torch_tokens_per_s(step, *shape))

    median = lambda name, key: statistics.median(f[key] for f in ours[name])
    roofs = {precision: max((median(n, "FLOP/s") for n in ours
                             if n.startswith("gemm/") and n.endswith(precision)), default=None)
             for precision in ("bf16", "fp32")}
    for precision, roof in roofs.items():
        if roof:
            print(f"2048^3 product {precision:<5} {roof / 1e9:8.1f} GFLOP/s")
    if plain_c:
        print(f"plain C   B=4 T=64   {statistics.median(plain_c):8.1f} tokens/s")
    for (batch, sequence), rates in torch_rates.items():
        if rates:
            print(f"PyTorch   B={batch} T={sequence:<4} {statistics.median(rates):8.1f} tokens/s")
    for name in sorted(n for n in ours if n.startswith("transformer/")):
        shape = next(((b, t) for b, t in SHAPES if f"batch{b}_sequence{t}/" in name), None)
        precision = name.rsplit("/", 1)[1]
        tokens = median(name, "tokens/s")
        line = f"{name:<58} {tokens:8.1f} tokens/s"
        if roofs.get(precision):
            line += f"  {median(name, 'FLOP/s') / roofs[precision]:5.1%} of the product's rate"
        if plain_c and shape == (4, 64):
            line += f"  {tokens / statistics.median(plain_c):4.2f} x plain C"
        if shape and torch_rates[shape]:
            line += f"  {tokens / statistics.median(torch_rates[shape]):4.2f} x PyTorch"
        print(line)


if __name__ == "__main__":
    sys.exit(main())
