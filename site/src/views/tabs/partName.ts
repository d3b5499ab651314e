/** The parts that write to the stream, as people say them; the core's own labels are what they are made from. */
const WORDS: Readonly<Record<string, string>> = {
  attn_out: 'attention',
  mlp_out: 'MLP',
  attn_bias: 'attention bias',
  mlp_bias: 'MLP bias',
  embed: 'embedding',
  pos_embed: 'position',
  ln_final_bias: 'final LN bias',
  unembed_bias: 'unembed bias',
  ln1_bias: 'LN bias',
  b_Q: 'query bias',
  b_K: 'key bias',
};

/** "0_attn_out" is "L0 attention", "edit 1_resid_pre" is "edit of L1 resid_pre"; heads are called as they are. */
export function partName(label: string): string {
  const [, edit = '', layer, what = label] = /^(edit )?(?:(\d+)_)?(.+)$/.exec(label) ?? [];
  return `${edit && 'edit of '}${layer === undefined ? '' : `L${layer} `}${WORDS[what] ?? what}`;
}
