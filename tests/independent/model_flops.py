"""Model FLOPs of a training token, in the tests' own arithmetic."""


def flops_per_token(model):
    """6·N_matmul + 6·L·d_attn·T, of the basket's own fields (docs/figures.md)."""
    attention = model["heads"] * model["head_size"]
    matrices = 3 if model["activation"] == "swiglu" else 2
    layer = model["width"] * (attention * 2 + 2 * model["kv_heads"] * model["head_size"])
    layer += matrices * model["width"] * model["feed_forward"]
    if model["experts"]:
        visited = model["experts_per_token"] + model["shared_experts"]
        layer += model["width"] * model["experts"]
        layer += visited * matrices * model["width"] * model["expert_feed_forward"]
    products = model["layers"] * layer + model["vocabulary"] * model["width"]
    return 6 * products + 6 * model["layers"] * attention * model["sequence"]
