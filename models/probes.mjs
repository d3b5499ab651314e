/* Choices between two words that a model of stories should get right, as prompts of every subject in every
 * sentence: the pronoun that fits a person, which of two people, who the story is about, day or night.
 * A choice is right when the fitting word has the larger logit; both are one token. */

const HE = ['king', 'prince', 'boy', 'man', 'father', 'brother', 'husband', 'giant'];
const SHE = ['queen', 'princess', 'girl', 'woman', 'mother', 'sister', 'wife', 'lady'];
const NAMES = ['Peter', 'Jack', 'John', 'Alice', 'Dorothy', 'Bill'];

const PRONOUN = [
  (who) => `The ${who} was very tired, and so`,
  (who) => `When the ${who} heard this,`,
  (who) => `Once there was a ${who} who lived alone in the wood. Every morning`,
  (who) => `The ${who} could not sleep, because`,
  (who) => `"I will go home," said the ${who}, and`,
  (who) => `The old ${who} sat by the fire until`,
  (who) => `The ${who} ran to the door as fast as`,
];
const TWO_NAMES = [
  (a, b) => `${a} and ${b} went into the wood. ${a} gave the apple to`,
  (a, b) => `One day ${a} met ${b} on the road. "Good morning," said ${a} to`,
  (a, b) => `${a} and ${b} were good friends. When ${a} was ill, he was visited by`,
  (a, b) => `${b} had lost a ring, and ${a} found it. So ${a} took the ring back to`,
];
/** A character that was named three sentences ago, against one who was not. */
const KEPT = [
  (a) => `${a} lived in a little house near the wood. One morning there was a knock at the door. It was the old man from the mill. "Good morning," said`,
  (a) => `Once upon a time ${a} went out to look for berries. The path was long and the sun was hot. At last there was a stream under the trees. "How good the water is," said`,
  (a) => `One day ${a} was walking by the sea. A great bird flew down and sat upon a rock. It had a golden ring in its beak. "What have you there?" asked`,
  (a) => `It was late, and ${a} was still far from home. The wind blew and the rain fell. There was no light to be seen. Then a voice called out: "Come here,`,
  (a) => `${a} had a little dog. They went everywhere together. One day the dog ran away into the forest. It did not come back, and poor`,
];
const LIGHT = [
  { text: 'The sun rose, and it was', right: 'day', wrong: 'night' },
  { text: 'They could see well, for it was broad', right: 'day', wrong: 'night' },
  { text: 'The sun was high, for it was the middle of the', right: 'day', wrong: 'night' },
  { text: 'The sun was shining and the birds were singing. It was a fine', right: 'day', wrong: 'night' },
  { text: 'The moon and the stars were shining, for it was', right: 'night', wrong: 'day' },
  { text: 'It grew darker and darker, and soon it was', right: 'night', wrong: 'day' },
  { text: 'All were asleep in their beds, for it was the middle of the', right: 'night', wrong: 'day' },
  { text: 'The moon was shining and the owls were hooting. It was a dark', right: 'night', wrong: 'day' },
  { text: 'She worked from morning till', right: 'night', wrong: 'day' },
  { text: 'They all went to bed and slept soundly all', right: 'night', wrong: 'day' },
  { text: 'He kissed his mother and said, "Good', right: 'night', wrong: 'day' },
  { text: 'The owl sleeps by day and hunts by', right: 'night', wrong: 'day' },
  { text: 'The bat sleeps at', right: 'day', wrong: 'night' },
  { text: 'He got up early in the morning and worked hard all', right: 'day', wrong: 'night' },
  { text: 'The next', right: 'day', wrong: 'night' },
  { text: 'Every morning the sun rose upon a new', right: 'day', wrong: 'night' },
];

const pairs = NAMES.flatMap((a) => NAMES.filter((b) => b !== a).map((b) => [a, b]));

/** name -> [{ text, right, wrong }], the words without their space. */
export const PROBES = {
  'he or she': PRONOUN.flatMap((text) => [
    ...HE.map((who) => ({ text: text(who), right: 'he', wrong: 'she' })),
    ...SHE.map((who) => ({ text: text(who), right: 'she', wrong: 'he' })),
  ]),
  'the other of two names': TWO_NAMES.flatMap((text) => pairs.map(([a, b]) => ({ text: text(a, b), right: b, wrong: a }))),
  'the character of three sentences ago': KEPT.flatMap((text) => pairs.map(([a, b]) => ({ text: text(a), right: a, wrong: b }))),
  'day or night': LIGHT,
};
