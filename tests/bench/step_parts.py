#!/usr/bin/env python3
"""Where the time of a CPU's training step goes, and what keeps it from the product's rate.

GPT-2 124M, 2 x 512 tokens. Each kernel of the step is measured by itself in the shape that the step
gives it (`assay list --filter gpt2-124m` and the like), times how often a step runs it, beside the
step itself and the 2048^3 product: shares of one run. What the kernels leave unexplained is the
rest: operands that lie in no cache where a step meets them, waiting at barriers, work between
kernels. A round measures the kernels in one process and the step, for five times as long, in
another that holds nothing else; medians over rounds.

Usage: step_parts.py [--assay PROGRAM] [--rounds N] [--seconds S]
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

LAYERS, PARAMETERS, LARGEST_UPDATE = 12, 124_439_808, 1 << 24
STEP = "transformer/gpt2-124m_step/batch2_sequence512/"
# Part, a piece of the kernels' names, and how often a step runs each kernel that has it.
PARTS = [
    ("products of the layers", "gemm/gpt2-124m_qkv_", LAYERS),
    ("products of the layers", "gemm/gpt2-124m_projection_", LAYERS),
    ("products of the layers", "gemm/gpt2-124m_up_", LAYERS),
    ("products of the layers", "gemm/gpt2-124m_down_", LAYERS),
    ("products of the head", "gemm/gpt2-124m_head_", 1),
    ("attention", "batch2_sequence512_heads12_kv_heads12_head_size64", LAYERS),
    ("AdamW and gradient norm", f"adamw/update/parameters{LARGEST_UPDATE}/",
     PARAMETERS / LARGEST_UPDATE),
    ("AdamW and gradient norm", f"adamw/gradient_norm/parameters{LARGEST_UPDATE}/",
     PARAMETERS / LARGEST_UPDATE),
    ("norms", "norm/layernorm_residual_forward/rows1024_width768/", 2 * LAYERS + 1),
    ("norms", "norm/layernorm_backward/rows1024_width768/", 2 * LAYERS + 1),
    ("GELU", "activation/gelu_forward/rows1024_width3072/", LAYERS),
    ("GELU", "activation/gelu_backward/rows1024_width3072/", LAYERS),
    ("bias gradients", "bias/backward/rows1024_width2304/", LAYERS),
    ("bias gradients", "bias/backward/rows1024_width768/", 2 * LAYERS),
    ("bias gradients", "bias/backward/rows1024_width3072/", LAYERS),
    ("cross-entropy", "rows1024_vocabulary50257/", 1),
    ("embedding and tokens", "embedding/forward/batch2_sequence512_width768", 1),
    ("embedding and tokens", "embedding/backward/batch2_sequence512_width768", 1),
    ("embedding and tokens", "token_chain/draw/rows2_length513_vocabulary50257/", 1),
]
# The precision of these is no step's.
ALWAYS_FP32 = ("adamw/gradient_norm/", "token_chain/")


def benchmarked(program, seconds, names):
    """name -> (seconds a call, FLOP/s)"""
    output = subprocess.run(
        [program, "bench", "--", "--benchmark_format=json", f"--benchmark_min_time={seconds}",
         "--benchmark_filter=" + "|".join(names)],
        capture_output=True, text=True, check=True).stdout
    scale = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
    return {b["name"]: (b["real_time"] * scale[b["time_unit"]], b.get("FLOP/s", 0.0))
            for b in json.loads(output)["benchmarks"] if not b.get("error_occurred")}


def measured(program, seconds):
    """One round."""
    kernels = sorted({piece for _, piece, _ in PARTS} | {"gemm/square/.*(bf16|fp32)"})
    return benchmarked(program, seconds, kernels) | benchmarked(program, 5 * seconds, [STEP])


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--assay", default=root / "build" / "release" / "bin" / "assay")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each kernel in each round")
    options = parser.parse_args()
    rounds = [measured(options.assay, options.seconds) for _ in range(options.rounds)]
    precision = "bf16" if STEP + "bf16" in rounds[0] else "fp32"

    def median(name, which):
        return statistics.median(r[name][which] for r in rounds)

    peak = max(median(n, 1) for n in rounds[0]
               if n.startswith("gemm/square/") and n.endswith(precision))
    step_s, step_rate = median(STEP + precision, 0), median(STEP + precision, 1)
    seconds, at_peak = {}, {}
    for part, piece, count in PARTS:
        names = [n for n in rounds[0] if piece in n and
                 n.endswith("fp32" if piece.startswith(ALWAYS_FP32) else precision)]
        if not names:
            sys.exit(f"error: no kernel {piece}...{precision} was measured")
        # Attention multiplies as products do; FLOPs of the rest are no products.
        multiplies = piece.startswith("gemm/") or part == "attention"
        for name in names:
            seconds[part] = seconds.get(part, 0.0) + count * median(name, 0)
            if multiplies:
                flops = count * median(name, 0) * median(name, 1)
                at_peak[part] = at_peak.get(part, 0.0) + flops / peak
    print(f"step {precision}, 2 x 512 tokens: {1024 / step_s:.1f} tokens/s, "
          f"{step_rate / peak:.1%} of the 2048^3 product's {peak / 1e9:.1f} GFLOP/s")
    print(f"{'part':<26}{'of the step':>12}{'of the product rate':>21}")
    for part, total in seconds.items():
        rate = f"{at_peak[part] / total:.0%}" if part in at_peak else "-"
        print(f"{part:<26}{total / step_s:>12.1%}{rate:>21}")
    rest = 1.0 - sum(seconds.values()) / step_s
    print(f"{'rest, between the kernels':<26}{rest:>12.1%}{'-':>21}")


if __name__ == "__main__":
    sys.exit(main())
