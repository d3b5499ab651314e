/** An engine without a model, for state tests and for laying the page out: its numbers follow simple rules, so
 *  that a test can say what they must be. Head 0 of layer 0 looks one back; `inductionHead` of the last layer
 *  looks at what followed the earlier occurrence; the others spread evenly. Copying moves the logits. */
import type { Edit, Engine, HeadScores, ModelConfig, ModelInfo, RunResult, Tensor, Token } from '../../site/src/engine/types';

export interface FakeOptions {
  readonly nLayers?: number;
  readonly nHeads?: number;
  /** -1: no head copies. */
  readonly inductionHead?: number;
  readonly strength?: number;
  readonly loadMs?: number;
}

const VOCAB = ['<bos>', ...Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1))];
const D = 16;

/** Words with their leading space, else single characters; ids are given in order of appearance. */
export function fakeEngine({ nLayers = 2, nHeads = 8, inductionHead = 3, strength = 0.87, loadMs = 0 }: FakeOptions = {}): Engine {
  const words = [...VOCAB];
  const config: ModelConfig = {
    n_layers: nLayers, d_model: D, n_ctx: 256, n_heads: nHeads, n_key_value_heads: nHeads, d_head: 4, d_mlp: 0,
    d_vocab: 512, d_vocab_out: 512, act_fn: null, attn_only: true, normalization_type: 'LN',
    positional_embedding_type: 'shortformer', default_prepend_bos: true, attn_scale: 2, eps: 1e-5,
  };
  const info: ModelInfo = { id: 'fake', sha256: '0'.repeat(64), bytes: 4_100_000, parameters: 1000, n_params: 1000, n_not_finite: 0, config, processing: [] };
  const idOf = (word: string) => {
    if (!words.includes(word)) words.push(word);
    return words.indexOf(word);
  };
  const token = (id: number): Token => {
    const text = words[id] ?? `#${id}`;
    return { id, text, bytes: new TextEncoder().encode(text), special: id === 0 };
  };
  const noise = (...k: number[]) => {
    let h = 2166136261;
    for (const x of k) h = Math.imul(h ^ (x + 0x9e37), 16777619);
    h = Math.imul(h ^ (h >>> 15), 2246822507);
    return ((h ^ (h >>> 13)) >>> 0) / 4294967296;
  };

  function run(ids: readonly number[], edits: readonly Edit[]): RunResult {
    const T = ids.length;
    const tensors = new Map<string, Tensor>();
    const put = (name: string, shape: number[], data: Float32Array) => tensors.set(name, { name, shape, data });
    const followers = (t: number) => ids.flatMap((id, s) => (s > 0 && s < t && id === ids[t] ? [s + 1] : []));
    const heads: HeadScores[] = [];
    const off = (l: number, h: number) =>
      edits.some((e) => e.hook === `blocks.${l}.attn.hook_z` && e.op === 'zero' && (e.heads?.includes(h) ?? true));
    for (let l = 0; l < nLayers; l++) {
      const pattern = new Float32Array(nHeads * T * T);
      const scores = new Float32Array(nHeads * T * T).fill(-Infinity);
      for (let h = 0; h < nHeads; h++) {
        const sums = { previous: 0, duplicate: 0, induction: 0, n: 0 };
        for (let t = 0; t < T; t++) {
          const copies = l === nLayers - 1 && h === inductionHead ? followers(t) : l === 0 && h === 0 && t > 0 ? [t - 1] : [];
          const w = copies.length > 0 ? strength : 0;
          const rest = Array.from({ length: t + 1 }, (_, s) => (s === 0 ? 3 : 0.2) + noise(l, h, t, s) * (h % 3));
          const total = rest.reduce((a, b) => a + b, 0);
          for (let s = 0; s <= t; s++) {
            const p = ((1 - w) * (rest[s] ?? 0)) / total + (copies.includes(s) ? w / copies.length : 0);
            pattern[(h * T + t) * T + s] = p;
            scores[(h * T + t) * T + s] = Math.log(p) + 5;
          }
          const at = (s: number) => pattern[(h * T + t) * T + s] ?? 0;
          if (t > 0) sums.previous += at(t - 1) / (T - 1);
          if (followers(t).length > 0) {
            sums.n++;
            sums.induction += followers(t).reduce((a, s) => a + at(s), 0);
            sums.duplicate += followers(t).reduce((a, s) => a + at(s - 1), 0);
          }
        }
        const n = Math.max(1, sums.n);
        heads.push({ layer: l, head: h, previous: sums.previous, duplicate: sums.duplicate / n, induction: sums.induction / n });
      }
      put(`blocks.${l}.attn.hook_pattern`, [nHeads, T, T], pattern);
      put(`blocks.${l}.attn.hook_attn_scores`, [nHeads, T, T], scores);
      put(`blocks.${l}.attn.hook_v`, [T, nHeads, 4], new Float32Array(T * nHeads * 4).map((_, i) => noise(l, i) - 0.5));
    }
    const stream = (d: number) => new Float32Array(T * D).map((_, i) => (noise(ids[Math.floor(i / D)] ?? 0, i % D, d) - 0.5) * (2 + d * 2));
    put(nLayers === 0 ? 'hook_embed' : 'blocks.0.hook_resid_pre', [T, D], stream(0));
    for (let l = 0; l < nLayers; l++) put(`blocks.${l}.hook_resid_post`, [T, D], stream(l + 1));
    const logits = new Float32Array(T * config.d_vocab_out);
    const loss = new Float32Array(Math.max(0, T - 1));
    for (let t = 0; t < T; t++) {
      const row = logits.subarray(t * config.d_vocab_out, (t + 1) * config.d_vocab_out);
      for (let v = 0; v < row.length; v++) row[v] = v < words.length ? noise(ids[t] ?? 0, v) * 3 : -4;
      const copying = inductionHead >= 0 && nLayers > 0 && !off(nLayers - 1, inductionHead);
      for (const s of followers(t)) row[ids[s] ?? 0] = (row[ids[s] ?? 0] ?? 0) + (copying ? 8 : 1);
      const sum = row.reduce((a, x) => a + Math.exp(x), 0);
      if (t + 1 < T) loss[t] = Math.log(sum) - (row[ids[t + 1] ?? 0] ?? 0);
    }
    return {
      tensors, loss, heads, n_duplicates: ids.filter((_, t) => followers(t).length > 0).length, ms: 2.8, bytes: 1e6,
      logits: { name: 'logits', shape: [T, config.d_vocab_out], data: logits },
    };
  }

  return {
    models: async () => [{ id: 'fake', title: 'fake', path: 'models/fake/', bytes: info.bytes, sha256: info.sha256 }],
    async load(_source, options) {
      for (let i = 0; i <= 10 && loadMs > 0; i++) {
        options?.onProgress?.((i / 10) * info.bytes, info.bytes);
        await new Promise((done) => setTimeout(done, loadMs / 10));
      }
      return info;
    },
    async tokenize(text) {
      const all = [0, ...(text.match(/ ?\p{L}+|\s|[^\p{L}\s]/gu) ?? []).map(idOf)];
      const kept = all.slice(0, config.n_ctx);
      const left = all.slice(config.n_ctx);
      return {
        ids: Int32Array.from(kept), tokens: kept.map(token),
        cut: left.length > 0 ? { tokens: left.length, text: left.map((id) => words[id]).join('') } : null,
      };
    },
    tokens: async (ids) => Array.from(ids, token),
    hooks: async () => [],
    run: async ({ ids, edits }) => run(Array.from(ids), edits ?? []),
    async unembed(vectors) {
      const n = vectors.length / D;
      const data = new Float32Array(n * config.d_vocab_out).map((_, i) => {
        const v = i % config.d_vocab_out;
        const x = vectors[Math.floor(i / config.d_vocab_out) * D] ?? 0;
        return v < words.length ? noise(Math.round(x * 1000), v) * 6 : -4;
      });
      return { name: 'unembed', shape: [n, config.d_vocab_out], data };
    },
    gradient: async () => ({ metric: 0, tensors: new Map() }),
    read: async ({ read, ids = [] }) => ({ read, tokens: ids.length, conventions: {}, axes: {}, values: {}, arrays: new Map() }),
    generate: async () => ({ end: 'max_new', tokens: [] }),
    process: async (names) => ({ ...info, processing: names }),
    close() {},
  };
}
