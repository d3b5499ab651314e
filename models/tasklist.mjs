/* Tasks with two sides, for patching: a clean prompt and a corrupted one that differ in what decides the next
 * word. Both are written as one double text: `{king|queen}` is `king` in the clean prompt and `queen` in the
 * corrupted one; the answer `{ he| she}` is ` he` to the clean prompt and ` she` to the corrupted one.
 *
 * No prompt stands in two pairs of a task. Which model does a task is measured (tasks.mjs), not written here. */

const both = (a, b) => `{${a}|${b}}`;
const cross = (texts, fill) => texts.flatMap((text) => fill.map((words) => text(...words)));

const ANIMALS = [['bear', 'cat'], ['dog', 'fox'], ['horse', 'bird'], ['rabbit', 'giant'], ['king', 'boy'], ['girl', 'man']];
const REFRAIN = [
  'The red # sat on the bed. Then the red',
  'The little red # went to the river. "Good morning, little red',
  '"Who are you?" asked the old #. "I am hungry," said the old',
  'There was once a wise # who lived by the sea. Every day the wise',
  'The poor # had no bread. "Give me some bread," said the poor',
  'A great # stood at the gate. They were all afraid of the great',
  'In the wood there lived a black #. One day the black',
  'The white # ran into the garden, and the children ran after the white',
  'The happy # sang a song. "Sing again," they said to the happy',
];
const RING = ['bear', 'cat', 'dog', 'fox', 'horse', 'bird', 'rabbit', 'king'];
/** Two qualities that change places before two nouns; the end asks by a quality for its noun. */
const WHICH = [
  ['old', 'young', (p, q, a, b) => `The ${p} ${a} met the ${q} ${b} on the road. "Where are you going?" said the`],
  ['great', 'little', (p, q, a, b) => `The ${p} ${a} and the ${q} ${b} were friends. "Come," said the`],
  ['good', 'bad', (p, q, a, b) => `There was once a ${p} ${a} and a ${q} ${b}. One day the`],
  ['rich', 'poor', (p, q, a, b) => `The ${p} ${a} sat by the ${q} ${b}. At last the`],
  ['black', 'white', (p, q, a, b) => `A ${p} ${a} and a ${q} ${b} came to the river. "Good morning," said the`],
  ['strong', 'wise', (p, q, a, b) => `There lived a ${p} ${a} and a ${q} ${b}. One day the`],
  ['green', 'golden', (p, q, a, b) => `He saw a ${p} ${a} and a ${q} ${b}, and he gave bread to the`],
];
const which = ([p, q, text]) =>
  RING.flatMap((a, i) => {
    const b = RING[(i + 1) % RING.length];
    const start = text(both(p, q), both(q, p), a, b);
    return [{ text: `${start} ${p}`, answer: both(` ${a}`, ` ${b}`) }, { text: `${start} ${q}`, answer: both(` ${b}`, ` ${a}`) }];
  });

const NAMES = ['Peter', 'Jack', 'John', 'Alice', 'Dorothy', 'Bill'];
const TWO_NAMES = NAMES.flatMap((a, i) => NAMES.slice(i + 1).map((b) => [both(a, b), both(b, a)]));
/** Prompts that ask for the first of the two again, and for the second. */
const FIRST = [
  (a, b) => `The name of the boy was ${a}, and the name of the dog was ${b}. The name of the boy was`,
  (a, b) => `He called for ${a}. She waited for ${b}. He called for`,
];
const SECOND = [
  (a, b) => `He called for ${a}. She waited for ${b}. Then she waited for`,
  (a, b) => `One day ${a} and ${b} went home. Next day ${a} and`,
  (a, b) => `At last ${a} loved ${b}. Every morning ${a} loved`,
];

const PEOPLE = [
  ['king', 'queen'], ['prince', 'princess'], ['boy', 'girl'], ['man', 'woman'], ['father', 'mother'], ['brother', 'sister'],
  ['husband', 'wife'], ['giant', 'lady'],
];
const PRONOUN = [
  'The # could not sleep, because',
  'When the # heard this,',
  'The # was very tired, and so',
  '"I will go home," said the #, and',
  'The old # sat by the fire until',
  'The # ran to the door as fast as',
  'Once there was a # who lived alone in the wood. Every morning',
];

const ONE_OR_MORE = [['man', 'men'], ['child', 'children'], ['bird', 'birds'], ['tree', 'trees'], ['horse', 'horses'], ['brother', 'brothers']];
const NUMBER = [
  'It grew dark, and the poor #',
  'The #',
  'The old #',
  'In the garden the #',
  'One day the #',
  'At last the #',
  'Then the little #',
  'The sun was hot, and the #',
  'The king saw that the #',
  'When they came to the wood, the #',
];

const QUALITIES = ['beautiful', 'splendid', 'happy', 'wonderful', 'terrible', 'quickly', 'careful', 'pleased', 'strong'];
const COMPARED = [
  (how, quality) => `She was ${how} ${quality}`,
  (how, quality) => `It was ${how} ${quality}`,
  (how, quality) => `They were ${how} ${quality}`,
  (how, quality) => `Nothing in the world is ${how} ${quality}`,
  (how, quality) => `"I never saw anyone ${how} ${quality}`,
  (how, quality) => `The tree by the river was ${how} ${quality}`,
];

const QUOTE = both('"', "'");
const SAYINGS = [
  'I will go home', 'It is very cold', 'You are very good', 'That is true', 'I am very glad', 'I am the king', 'I do not know', 'I will tell you',
  'Good morning', 'Come with me',
];
const CLOSED = [
  (saying) => `${QUOTE}${saying}`,
  (saying) => `The king looked at her. ${QUOTE}${saying}`,
  (saying) => `They came to a house. ${QUOTE}${saying}`,
  (saying) => `Then the old man said, ${QUOTE}${saying}`,
  (saying) => `She ran to the door and cried: ${QUOTE}${saying}`,
];
const GOES_ON = ['he said', 'said she', 'cried the fox', 'said the king', 'said the old man'];

const filled = (texts, words) => texts.flatMap((text) => words.map(([a, b]) => text.replace('#', both(a, b))));
const answered = (answer, texts) => texts.map((text) => ({ text, answer }));

export const TASKS = [
  {
    name: 'refrain',
    about: 'A phrase comes again; only its first time tells the word that ends it.',
    pairs: REFRAIN.flatMap((text) => ANIMALS.map(([a, b]) => ({ text: text.replace('#', both(a, b)), answer: both(` ${a}`, ` ${b}`) }))),
  },
  {
    name: 'which of two',
    about: 'Two qualities change places; the end names one of them and asks whose it is.',
    pairs: WHICH.flatMap(which),
  },
  {
    name: 'name swap',
    about: 'Two names change places; the end asks for the one that stood where it stands.',
    pairs: [
      ...FIRST.flatMap((text) => TWO_NAMES.map(([a, b]) => ({ text: text(a, b), answer: a.replace(/(\w+)/g, ' $1') }))),
      ...SECOND.flatMap((text) => TWO_NAMES.map(([a, b]) => ({ text: text(a, b), answer: b.replace(/(\w+)/g, ' $1') }))),
    ],
  },
  {
    name: 'he or she',
    about: 'The pronoun that fits the person.',
    pairs: answered('{ he| she}', filled(PRONOUN, PEOPLE)),
  },
  {
    name: 'was or were',
    about: 'The verb after one, or after more than one.',
    pairs: answered('{ was| were}', filled(NUMBER, ONE_OR_MORE)),
  },
  {
    name: 'as or than',
    about: 'What follows "as beautiful", and what follows "more beautiful".',
    pairs: answered('{ as| than}', cross(COMPARED, QUALITIES.map((quality) => [both('as', 'more'), quality]))),
  },
  {
    name: 'closing quotation mark',
    about: 'Speech ends with the mark that it began with: double or single.',
    pairs: answered(`{,"|,'}`, cross(CLOSED, SAYINGS.map((saying) => [saying]))),
  },
  {
    name: 'next quotation mark',
    about: 'The speaker goes on, with the mark used before: double or single.',
    pairs: answered(`{ "| '}`, GOES_ON.flatMap((who) => SAYINGS.map((saying) => `${QUOTE}${saying},${QUOTE} ${who}.`))),
  },
];

/** The clean and the corrupted side of a double text. */
export const sides = (double) => [double.replace(/\{(.*?)\|.*?\}/g, '$1'), double.replace(/\{.*?\|(.*?)\}/g, '$1')];
