/** Invented data, for this page only. Seeded, so that two runs draw the same. */

export type Random = () => number;

/** mulberry32 */
export function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SENTENCE = ['<bos>', 'One', '␣day', '␣the', '␣cat', '␣sat', '␣on', '␣the', '␣mat', '.', '␣Then', '␣the', '␣cat', '␣sat', '␣on', '␣the'];

/** The sentence over and over, `count` tokens long. */
export const tokens = (count: number) =>
  Array.from({ length: count }, (_, i) => SENTENCE[i % SENTENCE.length] ?? '');

/** Attention that looks like heads do: to the start, to the token before, to what followed the last occurrence. */
export function pattern(words: readonly string[], head: number): Float32Array {
  const random = seeded(head + 1);
  const size = words.length;
  const values = new Float32Array(size * size);
  for (let dest = 0; dest < size; dest++) {
    const weights = Array.from({ length: dest + 1 }, (_, src) => {
      const induction = src > 0 && words[src - 1] === words[dest] && src - 1 < dest;
      const kind = [induction, src === dest - 1, src === dest, words[src] === words[dest]][head % 4];
      return Math.exp(1.2 * random() + (kind ? 5 : 0) + (src === 0 ? 2.5 : 0));
    });
    const sum = weights.reduce((a, b) => a + b, 0);
    weights.forEach((weight, src) => {
      values[dest * size + src] = weight / sum;
    });
  }
  return values;
}

/** Independent values in [-limit, limit]. */
export function noise(count: number, limit: number, seed: number): Float32Array {
  const random = seeded(seed);
  return Float32Array.from({ length: count }, () => (2 * random() - 1) * limit);
}
