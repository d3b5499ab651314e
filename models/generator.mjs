/* Small stories of our own for tests that train: seeded, the same everywhere, and made so that a model
 * has something to learn at every depth: word order (counts), who is who in a story (copying), and
 * refrains that come back word for word (induction).
 *
 *     node models/generator.mjs SEED STORIES > text
 */

import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { MARKER } from './corpus.mjs';
import { randomFrom } from './random.mjs';

const NAMES = ['Mary', 'Tom', 'Anna', 'Will', 'Rose', 'Jack', 'Lucy', 'Ben', 'Nell', 'Hugh'];
const PLACES = ['the mill', 'the well', 'the old bridge', 'the market', 'the barn', 'the hill', 'the sea'];
const THINGS = ['apple', 'lamp', 'basket', 'ring', 'letter', 'drum', 'kite', 'loaf', 'key', 'shell'];
const LOOKS = ['red', 'little', 'golden', 'broken', 'shining', 'heavy', 'new'];
const FEELINGS = ['glad', 'tired', 'afraid', 'proud', 'hungry', 'merry'];
const SAYINGS = ['Let us see', 'So it is', 'Not today', 'Come with me', 'Mind the step', 'What a day'];

const SENTENCES = [
  ({ a, place }) => `${a} went to ${place}.`,
  ({ a, b, look, thing }) => `${a} gave the ${look} ${thing} to ${b}.`,
  ({ a, look, thing, place }) => `${a} found a ${look} ${thing} near ${place}.`,
  ({ a, b, feeling }) => `${a} was ${feeling}, but ${b} was not.`,
  ({ a, b, saying }) => `"${saying}," said ${a} to ${b}.`,
  ({ a, b, place }) => `${a} and ${b} walked to ${place} together.`,
  ({ a, thing }) => `${a} had lost the ${thing}.`,
];

/** One story: a title and a few paragraphs about two people, with a refrain. */
function story(random) {
  const [first, second] = random.sample(NAMES, 2);
  const look = random.pick(LOOKS);
  const thing = random.pick(THINGS);
  const sentence = () => {
    const [a, b] = random.below(2) === 0 ? [first, second] : [second, first];
    return random.pick(SENTENCES)({
      a,
      b,
      look,
      thing,
      place: random.pick(PLACES),
      feeling: random.pick(FEELINGS),
      saying: random.pick(SAYINGS),
    });
  };
  const refrain = `${sentence()} ${sentence()}`;
  const paragraph = () => [sentence(), sentence(), sentence(), refrain].slice(random.below(3)).join(' ');
  const paragraphs = Array.from({ length: 2 + random.below(3) }, paragraph);
  return [`${first} and the ${look} ${thing}`, ...paragraphs].join('\n\n');
}

/** `count` stories in the corpus' format: a marker line before each. */
export function stories(seed, count) {
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => `${MARKER}\n${story(random)}\n\n`).join('');
}

if (import.meta.url === pathToFileURL(argv[1]).href) {
  const [seed, count] = argv.slice(2).map(Number);
  if (!Number.isInteger(seed) || !(count > 0)) {
    console.error('usage: node models/generator.mjs SEED STORIES');
    process.exit(1);
  }
  process.stdout.write(stories(seed, count));
}
