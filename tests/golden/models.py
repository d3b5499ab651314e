"""The tiny random models of the fixtures: HookedTransformerConfig's fields, and how the folder is written.

`config` says which fields config.json names: "given" only those below, "all" everything that
cfg.to_dict() has, as a person who dumps the configuration from Python would write it.
`file` says what the tensors look like: f32 / f16 / bf16, "shards" in two files with an index,
"buffers" with attn.mask and attn.IGNORE beside the parameters, "no_biases" with every b_* of the
attention and MLP (and b_U) left out, zero in the reference. `gain` scales the matrices.
"""

MODELS = {
    "zero_layers_ln": dict(
        cfg=dict(n_layers=0, d_model=24, n_ctx=9, d_head=8, n_heads=3, d_vocab=37, act_fn="relu", normalization_type="LN"),
        config="all", prompts=[[5], [3, 36, 0, 11, 11, 7, 20, 1, 2]],
    ),
    "zero_layers_none": dict(
        cfg=dict(n_layers=0, d_model=7, n_ctx=5, d_head=3, d_vocab=11, d_vocab_out=6, attn_only=True,
                 normalization_type=None, positional_embedding_type="shortformer"),
        prompts=[[10], [4, 4, 9, 0, 1]],
    ),
    "odd_gelu_ln": dict(
        cfg=dict(n_layers=2, d_model=29, n_ctx=13, d_head=13, n_heads=3, d_mlp=50, d_vocab=211, act_fn="gelu", normalization_type="LN"),
        prompts=[[0], [7, 210, 33, 7, 100, 0, 1, 158, 33, 7, 100, 2, 64]],
    ),
    "attn_only_ln": dict(
        cfg=dict(n_layers=2, d_model=32, n_ctx=12, d_head=8, n_heads=4, d_vocab=40, attn_only=True, normalization_type="LN",
                 eps=1e-3, default_prepend_bos=False, use_hook_mlp_in=True),
        config="all", file=["buffers"], prompts=[[39], [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2]],
    ),
    "attn_only_shortformer": dict(
        cfg=dict(n_layers=2, d_model=20, n_ctx=10, d_head=5, n_heads=3, d_vocab=31, attn_only=True, act_fn=None,
                 normalization_type="LN", positional_embedding_type="shortformer"),
        config="all", prompts=[[2], [0, 9, 30, 9, 12, 5, 5, 18, 2, 1]],
    ),
    "none_gelu_new": dict(
        cfg=dict(n_layers=2, d_model=18, n_ctx=11, d_head=7, n_heads=4, d_mlp=31, d_vocab=23, d_vocab_out=17, act_fn="gelu_new",
                 normalization_type=None),
        gain=0.8, prompts=[[22], [0, 1, 2, 3, 5, 8, 13, 21, 1, 1, 4]],
    ),
    "lnpre_gelu_fast": dict(
        cfg=dict(n_layers=3, d_model=21, n_ctx=9, d_head=6, n_heads=2, d_mlp=37, d_vocab=26, act_fn="gelu_fast", normalization_type="LNPre",
                 scale_attn_by_inverse_layer_idx=True),
        file=["no_biases"], prompts=[[1], [25, 3, 3, 14, 8, 0, 2, 2, 9]],
    ),
    "ln_gelu_tanh_f16": dict(
        cfg=dict(n_layers=2, d_model=16, n_ctx=8, d_head=16, n_heads=2, d_mlp=33, d_vocab=50, act_fn="gelu_pytorch_tanh", normalization_type="LN",
                 use_attn_scale=False, attn_scale=2.5),
        gain=0.7, file=["f16"], prompts=[[49], [12, 47, 0, 3, 3, 18, 31, 2]],
    ),
    "lnpre_silu_shards": dict(
        cfg=dict(n_layers=2, d_model=23, n_ctx=10, d_head=9, n_heads=3, d_mlp=19, d_vocab=29, act_fn="silu", normalization_type="LNPre",
                 positional_embedding_type="shortformer", attn_scale=3.7),
        file=["shards"], prompts=[[28], [4, 8, 15, 16, 23, 4, 2, 0, 1, 7]],
    ),
    "ln_solu": dict(
        cfg=dict(n_layers=1, d_model=25, n_ctx=7, d_head=11, n_heads=2, d_mlp=41, d_vocab=33, act_fn="solu", normalization_type="LN"),
        file=["bf16"], prompts=[[3], [9, 9, 1, 30, 2, 17, 32]],
    ),
    "ln_solu_ln": dict(
        cfg=dict(n_layers=2, d_model=22, n_ctx=8, d_head=4, n_heads=5, d_mlp=35, d_vocab=27, act_fn="solu_ln", normalization_type="LN",
                 use_attn_scale=False, scale_attn_by_inverse_layer_idx=True, eps=0.02),
        gain=0.7, config="all", prompts=[[13], [26, 0, 5, 5, 19, 3, 8, 11]],
    ),
    "lnpre_solu_ln_shortformer": dict(
        cfg=dict(n_layers=2, d_model=19, n_ctx=9, d_head=10, n_heads=3, d_mlp=27, d_vocab=24, act_fn="solu_ln", normalization_type="LNPre",
                 positional_embedding_type="shortformer"),
        prompts=[[0], [23, 1, 7, 7, 2, 15, 20, 4, 9]],
    ),
    "none_solu_ln": dict(
        cfg=dict(n_layers=1, d_model=14, n_ctx=6, d_head=5, n_heads=2, d_mlp=21, d_vocab=15, act_fn="solu_ln", normalization_type=None),
        gain=0.8, prompts=[[14], [3, 0, 9, 9, 6, 1]],
    ),
    "inferred_relu_none": dict(  # n_heads, d_mlp, d_vocab_out and attn_scale left to __post_init__; 22 / 5 rounds down
        cfg=dict(n_layers=2, d_model=22, n_ctx=7, d_head=5, n_heads=-1, d_mlp=None, d_vocab=19, d_vocab_out=-1, attn_scale=-1.0,
                 act_fn="relu", normalization_type=None),
        gain=0.7, prompts=[[18], [2, 2, 11, 7, 0, 16, 5]],
    ),
    "ones": dict(
        cfg=dict(n_layers=1, d_model=3, n_ctx=1, d_head=1, n_heads=1, d_mlp=1, d_vocab=2, act_fn="gelu", normalization_type="LN"),
        prompts=[[1], [0]],
    ),
    "wide": dict(  # past the kernels' tiles on every axis, and a residual stream with an outlier
        cfg=dict(n_layers=1, d_model=65, n_ctx=33, d_head=17, n_heads=3, d_mlp=131, d_vocab=67, d_vocab_out=129, act_fn="gelu_new",
                 normalization_type="LN"),
        gain=1.5, outlier=60.0, prompts=[[66, 5, 0] + [(7 * i * i + 3 * i) % 67 for i in range(30)]],
    ),
    "deep": dict(
        cfg=dict(n_layers=5, d_model=12, n_ctx=6, d_head=3, n_heads=4, d_vocab=16, attn_only=True, normalization_type="LNPre"),
        prompts=[[7], [15, 0, 3, 3, 8, 1]],
    ),
    "gpt2_shaped": dict(  # what GPT-2 is, with more heads than the others have
        cfg=dict(n_layers=3, d_model=36, n_ctx=14, d_head=6, n_heads=6, d_vocab=83, act_fn="gelu_new", normalization_type="LN"),
        prompts=[[80], [82, 5, 17, 5, 40, 0, 9, 61, 5, 17, 3, 3, 28, 70]],
    ),
}
