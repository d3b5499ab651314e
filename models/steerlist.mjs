/* Directions that may steer a model's text: contrasts of texts, and the words that should become more frequent (`more`) and
 * less (`less`), each one token. Which of them do is measured (steering.mjs), not written here. */

export const CONTRASTS = [
  {
    name: 'she', about: 'Stories about her, not him.',
    positive: ['The girl took her basket and she went', 'The queen said that she was tired', 'She loved her mother and her sister', 'The princess wept, and she hid her face',
      'The old woman lived in her house, and she', 'One day the sister lost her ring, and she'],
    negative: ['The boy took his basket and he went', 'The king said that he was tired', 'He loved his father and his brother', 'The prince wept, and he hid his face',
      'The old man lived in his house, and he', 'One day the brother lost his ring, and he'],
    more: ['she', 'her', 'girl', 'queen', 'princess', 'woman', 'mother', 'sister', 'daughter', 'lady'],
    less: ['he', 'his', 'him', 'boy', 'king', 'prince', 'man', 'father', 'brother', 'son'],
  },
  {
    name: 'thou', about: 'Speech of old: thou and thee, not you.',
    positive: ['"Where art thou going?" she said to him', '"I will give thee what thou askest', '"O my lord, thou hast saved me with thy hand', '"Thou shalt have thy wish', '"Take thy sword and go with thee',
      '"Dost thou know thy father?'],
    negative: ['"Where are you going?" she said to him', '"I will give you what you ask', '"Oh, my dear, you have saved me with your hand', '"You shall have your wish', '"Take your sword and go with you',
      '"Do you know your father?'],
    more: ['thou', 'thee', 'thy'],
    less: ['you', 'your'],
  },
  {
    name: 'I', about: 'A story told by the one it happened to.',
    positive: ['I went to my house and my mother saw me', 'We came to our town, and I was glad', 'My father gave me my horse', 'I said to myself that I must go', 'Then I took my bag and I ran',
      'When I was young, I lived with my sister'],
    negative: ['He went to his house and his mother saw him', 'They came to their town, and he was glad', 'His father gave him his horse', 'He said to himself that he must go', 'Then he took his bag and he ran',
      'When he was young, he lived with his sister'],
    more: ['I', 'my', 'me', 'we', 'our', 'us'],
    less: ['he', 'his', 'him', 'they', 'their', 'them'],
  },
  {
    name: 'sorrow', about: 'Tears and death, not laughter.',
    positive: ['She cried bitter tears, for he was dead', 'The poor child was so sad and afraid', 'Alas, they must all die of grief', 'He was unhappy and wept all the night', 'The sad old man sat alone in the dark',
      'There was sorrow in the house, for she was dead'],
    negative: ['She laughed with joy, for he was home', 'The merry child was so happy and glad', 'Hurrah, they shall all dance with joy', 'He was happy and sang all the day', 'The glad old man sat at the feast in the sun',
      'There was joy in the house, for she was well'],
    more: ['sad', 'cried', 'tears', 'poor', 'afraid', 'die', 'dead', 'killed', 'dark'],
    less: ['happy', 'glad', 'joy', 'laughed', 'pleased', 'gold', 'sun', 'beautiful'],
  },
  {
    name: 'now', about: 'What is and will be, not what was.',
    positive: ['The king is old and his son is at home', 'They are friends, and they live in the house', 'She has a dog that is good and can run', 'Now we are here and it is day', 'He is sure that all will be well',
      'The birds are in the tree, and the sun is high'],
    negative: ['The king was old and his son was at home', 'They were friends, and they lived in the house', 'She had a dog that was good and could run', 'Then we were there and it was day', 'He was sure that all would be well',
      'The birds were in the tree, and the sun was high'],
    more: ['is', 'are', 'am', 'has', 'have', 'will', 'can', 'shall'],
    less: ['was', 'were', 'had', 'would', 'could', 'did'],
  },
];

/** What is continued, with and without the direction. */
export const PROMPTS = ['Once upon a time there was', 'One day', 'At last the'];
