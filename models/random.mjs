/* Seeded random numbers, so that what the generator writes and what evidence draws is the same
 * everywhere: Marsaglia's xorshift32 stepped from a scrambled seed. */

export function randomFrom(seed) {
  let state = Math.imul((seed | 0) ^ 0x9e3779b9, 0x85ebca6b) || 1;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 8; i++) uniform();
  const below = (n) => Math.floor(uniform() * n);
  return {
    /** A number in [0, 1). */
    uniform,
    /** A whole number in [0, n). */
    below,
    pick: (list) => list[below(list.length)],
    /** k different items of a list, in random order. */
    sample(list, k) {
      const rest = [...list];
      return Array.from({ length: k }, () => rest.splice(below(rest.length), 1)[0]);
    },
  };
}
