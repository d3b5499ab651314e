import type { ModelConfig } from '../engine/types';

/** A block's hooks in the order in which a forward pass reaches them (docs/hooks.md). */
const BLOCK = (
  'hook_resid_pre hook_attn_in hook_q_input hook_k_input hook_v_input ln1.hook_scale ln1.hook_normalized attn.hook_q attn.hook_k attn.hook_v ' +
  'attn.hook_attn_scores attn.hook_pattern attn.hook_z attn.hook_result hook_attn_out hook_resid_mid hook_mlp_in ln2.hook_scale ' +
  'ln2.hook_normalized mlp.hook_pre mlp.hook_mid mlp.ln.hook_scale mlp.ln.hook_normalized mlp.hook_post hook_mlp_out hook_resid_post'
).split(' ');

/** Every hook of a model, in the order of the forward pass. */
export function hooksOf(config: ModelConfig): readonly string[] {
  const blocks = Array.from({ length: config.n_layers }, (_, layer) => BLOCK.map((hook) => `blocks.${layer}.${hook}`));
  const all = ['hook_embed', 'hook_pos_embed', ...blocks.flat(), 'ln_final.hook_scale', 'ln_final.hook_normalized', 'logits'];
  return all.filter((hook) => {
    if (config.attn_only && /mid|mlp|ln2/.test(hook)) return false;
    if (/mlp\.(ln|hook_mid)/.test(hook)) return config.act_fn === 'solu_ln';
    return config.normalization_type !== null || !/ln/.test(hook);
  });
}

/** Whether a glob (`*` any run of characters, `?` one) is this name, in time that grows with their product at most. */
export function matches(glob: string, name: string): boolean {
  let [g, n, star, mark] = [0, 0, -1, 0];
  while (n < name.length) {
    if (glob[g] === '*') [star, mark] = [g++, n];
    else if (g < glob.length && (glob[g] === '?' || glob[g] === name[n])) [g, n] = [g + 1, n + 1];
    else if (star >= 0) [g, n] = [star + 1, ++mark];
    else return false;
  }
  return !glob.slice(g).replaceAll('*', '');
}

/** A hook's axes, outermost first: p positions, h heads, s sources, d anything else. */
export function axesOf(hook: string): 'hps' | 'phd' | 'pd' {
  if (/(attn_scores|pattern)$/.test(hook)) return 'hps';
  return /hook_([qkvz]|result|attn_in|._input)$/.test(hook) ? 'phd' : 'pd';
}
