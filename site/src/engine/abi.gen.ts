/* Printed by wasm/abi_dump.c from core/*.def and wasm/*.def: `cmake --build build/release --target abi`.
 * Do not edit. */

/** The exports of the .wasm (wasm/abi.def). Numbers are int32, double, or an address. */
export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(bytes: number): number;
  free(at: number): void;
  hsw_detail(): number;
  hsw_trial_count(): number;
  hs_trial(tile: number, scratch: number): void;
  hsw_use_tile(tile: number): void;
  hsw_use_threads(n: number): void;
  hsw_help(): void;
  hsw_model_load(config: number, config_bytes: number, names: number, weights: number, weights_bytes: number, out: number): number;
  hs_model_free(model: number): void;
  hsw_model_config(model: number, out: number): void;
  hsw_model_counts(model: number, out: number): void;
  hs_model_n_params(model: number): number;
  hsw_model_param(model: number, i: number, out: number): void;
  hsw_model_process(model: number, processes: number): number;
  hs_hook_count(model: number): number;
  hsw_hook_describe(model: number, i: number, n_tokens: number, out: number): void;
  hs_glob_match(glob: number, name: number): number;
  hsw_edits_needs(json: number, json_bytes: number, run_name: number, out: number): number;
  hsw_edits_new(model: number, json: number, json_bytes: number, n_tokens: number, run_names: number, runs: number, vectors: number, n_vectors: number, out: number): number;
  hs_edits_free(edits: number): void;
  hsw_run_new(model: number, ids: number, n_tokens: number, edits: number, capture: number, out: number): number;
  hs_run_step(run: number): number;
  hs_run_n_captured(run: number): number;
  hsw_run_captured(run: number, i: number, out: number): void;
  hs_run_logits(run: number): number;
  hs_run_loss(run: number, out: number): number;
  hs_run_free(run: number): void;
  hsw_unembed(model: number, x: number, n: number, apply_ln_final: number, out: number): number;
  hs_read_hooks(model: number, globs: number): number;
  hsw_read_new(model: number, run: number, minus: number, json: number, json_bytes: number, out: number): number;
  hsw_read_bytes(reading: number): number;
  hsw_read_begin(reading: number): number;
  hs_read_step(reading: number): number;
  hsw_read_progress(reading: number, out: number): void;
  hsw_read_data(reading: number, i: number): number;
  hs_read_text(reading: number): number;
  hs_read_free(reading: number): void;
  hsw_generate_new(model: number, json: number, json_bytes: number, run_names: number, runs: number, vectors: number, n_vectors: number, out: number): number;
  hs_generate_step(generation: number): number;
  hs_generate_count(generation: number): number;
  hs_generate_k(generation: number): number;
  hsw_generate_token(generation: number, i: number, out: number): void;
  hs_generate_logits(generation: number, i: number): number;
  hs_top_k(row: number, n: number, k: number, ids: number, logits: number, probs: number): void;
  hs_generate_end(generation: number): number;
  hs_generate_free(generation: number): void;
  hsw_gradient_new(model: number, json: number, json_bytes: number, out: number): number;
  hsw_gradient_metric(gradient: number): number;
  hsw_gradient_count(gradient: number): number;
  hsw_gradient_tensor(gradient: number, i: number, out: number): void;
  hsw_gradient_free(gradient: number): void;
}

/** status.def: what a call of the core returns. */
export const STATUS = {
  0: 'OK',
  2: 'EUSAGE',
  3: 'EIO',
  4: 'EMEMORY',
  5: 'ECANCELLED',
  10: 'EUTF8',
  11: 'EJSON',
  12: 'EDEPTH',
  13: 'EDUPKEY',
  14: 'EFIELD',
  20: 'EMAGIC',
  21: 'ETRUNC',
  22: 'EHEADER',
  23: 'ETOOMANY',
  24: 'ENAME',
  25: 'EDUPNAME',
  26: 'EMETADATA',
  27: 'EDTYPE',
  28: 'ERANK',
  29: 'ESHAPE',
  30: 'EOVERFLOW',
  31: 'EOFFSETS',
  32: 'ESIZE',
  33: 'EOVERLAP',
  34: 'EHOLE',
  35: 'ETRAILING',
  36: 'EROOT',
  37: 'ESHARD',
  40: 'ECONFIG',
  41: 'EMISSING',
  42: 'EMISMATCH',
  43: 'EUNEXPECTED',
  50: 'ETOKENS',
  51: 'EHOOK',
  52: 'EEDIT',
  53: 'ESPEC',
  54: 'ESTATE',
  60: 'ERECIPE',
  61: 'ECHECKPOINT',
  62: 'EDIVERGED',
} as const;
export type StatusName = (typeof STATUS)[keyof typeof STATUS];

/** reads.def: what a reading document may ask for. */
export const READS = [
  'lens',
  'states',
  'attribution',
  'decompose',
  'attention',
  'pair',
  'neurons',
  'neuron',
  'directions',
  'written',
  'detect',
  'predictions',
  'sweep',
  'ablate',
  'path',
  'attribute',
  'edges',
  'circuit',
  'vector',
  'dose',
  'outcomes',
] as const;
export type ReadName = (typeof READS)[number];
/** Those that do runs of their own. */
export const STUDIES: readonly ReadName[] = [
  'sweep',
  'ablate',
  'path',
  'attribute',
  'edges',
  'circuit',
  'vector',
  'dose',
  'outcomes',
];
/** What hs_read_hooks fills at most. */
export const READ_MAX_HOOKS = 16;

/** Tiles that a product can go by (hs_machine.h). */
export const N_TILES = 4;

/** The transformations of weights (wasm/processes.def), in the order in which they are done. */
export const PROCESSES = [
  'fold_ln',
  'center_writing_weights',
  'center_unembed',
  'fold_value_biases',
] as const;
export type ProcessName = (typeof PROCESSES)[number];

/** hooks.def, in the order of a forward pass. `%d` is the layer; `exists` is the class of model that
 *  has the hook. */
export const HOOKS = [
  { name: 'hook_embed', scope: 'model', exists: 'always', axes: ['T', 'd_model'] },
  { name: 'hook_pos_embed', scope: 'model', exists: 'pos', axes: ['T', 'd_model'] },
  { name: 'blocks.%d.hook_resid_pre', scope: 'layer', exists: 'always', axes: ['T', 'd_model'] },
  { name: 'blocks.%d.hook_attn_in', scope: 'layer', exists: 'always', axes: ['T', 'n_heads', 'd_model'] },
  { name: 'blocks.%d.hook_q_input', scope: 'layer', exists: 'always', axes: ['T', 'n_heads', 'd_model'] },
  { name: 'blocks.%d.hook_k_input', scope: 'layer', exists: 'always', axes: ['T', 'n_kv_heads', 'd_model'] },
  { name: 'blocks.%d.hook_v_input', scope: 'layer', exists: 'always', axes: ['T', 'n_kv_heads', 'd_model'] },
  { name: 'blocks.%d.ln1.hook_scale', scope: 'layer', exists: 'norm', axes: ['T', 'one'] },
  { name: 'blocks.%d.ln1.hook_normalized', scope: 'layer', exists: 'norm', axes: ['T', 'd_model'] },
  { name: 'blocks.%d.attn.hook_q', scope: 'layer', exists: 'always', axes: ['T', 'n_heads', 'd_head'] },
  { name: 'blocks.%d.attn.hook_k', scope: 'layer', exists: 'always', axes: ['T', 'n_kv_heads', 'd_head'] },
  { name: 'blocks.%d.attn.hook_v', scope: 'layer', exists: 'always', axes: ['T', 'n_kv_heads', 'd_head'] },
  { name: 'blocks.%d.attn.hook_attn_scores', scope: 'layer', exists: 'always', axes: ['n_heads', 'T', 'T_src'] },
  { name: 'blocks.%d.attn.hook_pattern', scope: 'layer', exists: 'always', axes: ['n_heads', 'T', 'T_src'] },
  { name: 'blocks.%d.attn.hook_z', scope: 'layer', exists: 'always', axes: ['T', 'n_heads', 'd_head'] },
  { name: 'blocks.%d.attn.hook_result', scope: 'layer', exists: 'always', axes: ['T', 'n_heads', 'd_model'] },
  { name: 'blocks.%d.hook_attn_out', scope: 'layer', exists: 'always', axes: ['T', 'd_model'] },
  { name: 'blocks.%d.hook_resid_mid', scope: 'layer', exists: 'mlp', axes: ['T', 'd_model'] },
  { name: 'blocks.%d.hook_mlp_in', scope: 'layer', exists: 'mlp', axes: ['T', 'd_model'] },
  { name: 'blocks.%d.ln2.hook_scale', scope: 'layer', exists: 'mlpnorm', axes: ['T', 'one'] },
  { name: 'blocks.%d.ln2.hook_normalized', scope: 'layer', exists: 'mlpnorm', axes: ['T', 'd_model'] },
  { name: 'blocks.%d.mlp.hook_pre', scope: 'layer', exists: 'mlp', axes: ['T', 'd_mlp'] },
  { name: 'blocks.%d.mlp.hook_mid', scope: 'layer', exists: 'soluln', axes: ['T', 'd_mlp'] },
  { name: 'blocks.%d.mlp.ln.hook_scale', scope: 'layer', exists: 'soluln', axes: ['T', 'one'] },
  { name: 'blocks.%d.mlp.ln.hook_normalized', scope: 'layer', exists: 'soluln', axes: ['T', 'd_mlp'] },
  { name: 'blocks.%d.mlp.hook_post', scope: 'layer', exists: 'mlp', axes: ['T', 'd_mlp'] },
  { name: 'blocks.%d.hook_mlp_out', scope: 'layer', exists: 'mlp', axes: ['T', 'd_model'] },
  { name: 'blocks.%d.hook_resid_post', scope: 'layer', exists: 'always', axes: ['T', 'd_model'] },
  { name: 'ln_final.hook_scale', scope: 'model', exists: 'norm', axes: ['T', 'one'] },
  { name: 'ln_final.hook_normalized', scope: 'model', exists: 'norm', axes: ['T', 'd_model'] },
  { name: 'logits', scope: 'model', exists: 'always', axes: ['T', 'd_vocab'] },
] as const;

/** What hsw_model_config writes, in order (wasm/page_config.def). */
export const CONFIG_FIELDS = [
  ['n_layers', 'NUMBER'],
  ['d_model', 'NUMBER'],
  ['n_ctx', 'NUMBER'],
  ['n_heads', 'NUMBER'],
  ['n_key_value_heads', 'NUMBER'],
  ['d_head', 'NUMBER'],
  ['d_mlp', 'NUMBER'],
  ['d_vocab', 'NUMBER'],
  ['d_vocab_out', 'NUMBER'],
  ['act_fn', 'ACT'],
  ['attn_only', 'BOOL'],
  ['normalization_type', 'NORM'],
  ['positional_embedding_type', 'POSITIONS'],
  ['default_prepend_bos', 'BOOL'],
  ['attn_scale', 'NUMBER'],
  ['eps', 'NUMBER'],
] as const;
/** Texts of the numbers of its enums. */
export const CONFIG_ENUMS = {
  ACT: [null, 'relu', 'gelu', 'gelu_new', 'gelu_fast', 'gelu_pytorch_tanh', 'silu', 'solu', 'solu_ln'],
  NORM: [null, 'LN', 'LNPre', 'RMS', 'RMSPre'],
  POSITIONS: ['standard', 'shortformer', 'rotary', 'alibi', 'relative_positional_bias'],
} as const;
