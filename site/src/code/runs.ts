import type { Hooked } from './edits';
import { indent } from './python';

export type Library = 'transformer_lens' | 'nnsight';

const block = (hook: string) => /^blocks\.(\d+)\.(.*)$/.exec(hook);

/** Consecutive layers of one hook with one function are one entry: [first layer, how many]. */
function group(hooked: readonly Hooked[]): readonly { readonly hook: string; readonly call: string; readonly first: number; count: number }[] {
  const groups: { hook: string; call: string; first: number; count: number }[] = [];
  for (const { hook, call } of hooked) {
    const [, layer, name] = block(hook) ?? [];
    const last = groups.at(-1);
    if (last && name && last.call === call && last.hook === name && last.first + last.count === Number(layer)) last.count++;
    else groups.push({ hook: name ?? hook, call, first: Number(layer ?? -1), count: 1 });
  }
  return groups;
}

function transformerLens(ids: string, hooked: readonly Hooked[], logits: string, cache: string): readonly string[] {
  const run = `${logits}, ${cache} = model.run_with_cache(${ids}, remove_batch_dim=True)`;
  if (!hooked.length) return [run];
  const pairs = group(hooked).map(({ hook, call, first, count }) =>
    count > 1 ? `*[(f"blocks.{l}.${hook}", ${call}) for l in range(${first}, ${first + count})]` : `("${first < 0 ? '' : `blocks.${first}.`}${hook}", ${call})`,
  );
  return [`with model.hooks(fwd_hooks=[${pairs.join(', ')}]):`, ...indent([run])];
}

/** nnsight waits for each module in the order of the forward pass; LN1 is called for q, k and v. */
function nnsight(ids: string, hooked: readonly Hooked[], logits: string, cache: string): readonly string[] {
  const set = (path: string, call: string) => `${path}.output = ${call}(${path}.output, ${path})`;
  const body: string[] = [];
  let thrice = '';
  for (const { hook, call, first, count } of group(hooked)) {
    const path = first < 0 ? `nn.${hook}` : `nn.blocks[${count > 1 ? 'l' : first}].${hook}`;
    const ln1 = hook.startsWith('ln1') ? path.replace(/ln1.*/, '') + first : '';
    if (count > 1) body.push(`for l in range(${first}, ${first + count}):`);
    const by = count > 1 ? 1 : 0;
    if (ln1 && ln1 !== thrice) body.push(...indent(['for _ in tracer.iter[0:3]:  # q, k and v'], by));
    body.push(...indent([set(path, call)], by + (ln1 ? 1 : 0)));
    thrice = count > 1 ? '' : ln1;
  }
  return [`with nn.trace(${ids}) as tracer:`, ...indent([`${cache} = tracer.cache()`, ...body, `${logits} = nn.output.save()`]), `${cache} = activations(${cache})`];
}

/** Lines that leave the logits [1, T, vocab] and the cache of a run. */
export function forward(library: Library, ids: string, hooked: readonly Hooked[], logits: string, cache: string): readonly string[] {
  const inside = hooked.filter(({ hook }) => hook !== 'logits'); // the output is no hook there
  const after = hooked.filter(({ hook }) => hook === 'logits').map(({ call }) => `${logits} = ${call}(${logits}, None)`);
  return [...(library === 'nnsight' ? nnsight : transformerLens)(ids, inside, logits, cache), ...after];
}
