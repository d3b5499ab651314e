import type { ModelConfig } from '../engine/types';

/** A block's hooks in the order in which a forward pass reaches them (docs/hooks.md), without "hook_". */
const BLOCK =
  'resid_pre attn_in q_input k_input v_input ln1.scale ln1.normalized attn.q attn.k attn.v attn.attn_scores attn.pattern attn.z attn.result ' +
  'attn_out resid_mid mlp_in ln2.scale ln2.normalized mlp.pre mlp.mid mlp.ln.scale mlp.ln.normalized mlp.post mlp_out resid_post';

/** Every hook of a model, in the order of the forward pass. */
export function hooksOf({ n_layers, attn_only, act_fn, normalization_type }: ModelConfig): readonly string[] {
  const blocks = Array.from({ length: n_layers }, (_, layer) => BLOCK.replace(/\S+/g, `blocks.${layer}.$&`));
  return ['embed pos_embed', ...blocks, 'ln_final.scale ln_final.normalized']
    .join(' ')
    .replace(/\w+(?= |$)/g, 'hook_$&')
    .split(' ')
    .filter((hook) => {
      if (attn_only && /mid|mlp|ln2/.test(hook)) return false;
      return /mlp\.(ln|hook_mid)/.test(hook) ? act_fn === 'solu_ln' : normalization_type !== null || !/ln/.test(hook);
    })
    .concat('logits');
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
