/** Written by models/steering.mjs: directions that steer a shipped model's text, by the model's id. */

export interface MeasuredSteering {
  readonly name: string;
  readonly about: string;
  /** Where the contrast is read, and where it acts, from the second token on. */
  readonly hook: string;
  readonly position: 'last' | 'mean';
  readonly strength: number;
  readonly positive: readonly string[];
  readonly negative: readonly string[];
  /** Tokens that become more frequent, and less. */
  readonly effect: { readonly for: readonly number[]; readonly against: readonly number[] };
  /** At that strength: how much the log-odds of the two sets rise, and with random directions; how many times the
   *  perplexity; the strength upwards at which texts fall apart. */
  readonly measured: { readonly effect: number; readonly random: number; readonly perplexity: number; readonly collapse: number | null };
}

export const STEERINGS: Readonly<Record<string, readonly MeasuredSteering[]>> = {
  'stories-gelu-4l': [
    {
      name: 'she', about: 'Stories about her, not him.', hook: 'blocks.2.hook_resid_pre', position: 'mean', strength: 3,
      positive: [
        'The girl took her basket and she went',
        'The queen said that she was tired',
        'She loved her mother and her sister',
        'The princess wept, and she hid her face',
        'The old woman lived in her house, and she',
        'One day the sister lost her ring, and she',
      ],
      negative: [
        'The boy took his basket and he went',
        'The king said that he was tired',
        'He loved his father and his brother',
        'The prince wept, and he hid his face',
        'The old man lived in his house, and he',
        'One day the brother lost his ring, and he',
      ],
      effect: { for: [345, 338, 823, 1438, 935, 896, 809, 1432, 1086, 1411], against: [279, 325, 348, 678, 666, 1054, 453, 795, 1027, 909] },
      measured: { effect: 4.63, random: -0.22, perplexity: 1.89, collapse: 5 },
    },
    {
      name: 'thou', about: 'Speech of old: thou and thee, not you.', hook: 'blocks.3.hook_resid_pre', position: 'last', strength: 2,
      positive: [
        '"Where art thou going?" she said to him',
        '"I will give thee what thou askest',
        '"O my lord, thou hast saved me with thy hand',
        '"Thou shalt have thy wish',
        '"Take thy sword and go with thee',
        '"Dost thou know thy father?',
      ],
      negative: [
        '"Where are you going?" she said to him',
        '"I will give you what you ask',
        '"Oh, my dear, you have saved me with your hand',
        '"You shall have your wish',
        '"Take your sword and go with you',
        '"Do you know your father?',
      ],
      effect: { for: [1217, 1609, 1879], against: [309, 488] },
      measured: { effect: 5.59, random: -0.11, perplexity: 1.77, collapse: 4 },
    },
    {
      name: 'I', about: 'A story told by the one it happened to.', hook: 'blocks.3.hook_resid_pre', position: 'last', strength: 3,
      positive: [
        'I went to my house and my mother saw me',
        'We came to our town, and I was glad',
        'My father gave me my horse',
        'I said to myself that I must go',
        'Then I took my bag and I ran',
        'When I was young, I lived with my sister',
      ],
      negative: [
        'He went to his house and his mother saw him',
        'They came to their town, and he was glad',
        'His father gave him his horse',
        'He said to himself that he must go',
        'Then he took his bag and he ran',
        'When he was young, he lived with his sister',
      ],
      effect: { for: [312, 404, 378, 342, 811, 597], against: [279, 325, 348, 360, 486, 396] },
      measured: { effect: 4.16, random: -0.18, perplexity: 2.15, collapse: 5 },
    },
    {
      name: 'now', about: 'What is and will be, not what was.', hook: 'blocks.3.hook_resid_pre', position: 'mean', strength: 3,
      positive: [
        'The king is old and his son is at home',
        'They are friends, and they live in the house',
        'She has a dog that is good and can run',
        'Now we are here and it is day',
        'He is sure that all will be well',
        'The birds are in the tree, and the sun is high',
      ],
      negative: [
        'The king was old and his son was at home',
        'They were friends, and they lived in the house',
        'She had a dog that was good and could run',
        'Then we were there and it was day',
        'He was sure that all would be well',
        'The birds were in the tree, and the sun was high',
      ],
      effect: { for: [374, 494, 566, 709, 399, 437, 517, 690], against: [308, 400, 337, 447, 449, 499] },
      measured: { effect: 3.54, random: -0.04, perplexity: 1.76, collapse: 6 },
    },
  ],
  'stories-2l': [
    {
      name: 'she', about: 'Stories about her, not him.', hook: 'blocks.1.hook_resid_pre', position: 'mean', strength: 1.5,
      positive: [
        'The girl took her basket and she went',
        'The queen said that she was tired',
        'She loved her mother and her sister',
        'The princess wept, and she hid her face',
        'The old woman lived in her house, and she',
        'One day the sister lost her ring, and she',
      ],
      negative: [
        'The boy took his basket and he went',
        'The king said that he was tired',
        'He loved his father and his brother',
        'The prince wept, and he hid his face',
        'The old man lived in his house, and he',
        'One day the brother lost his ring, and he',
      ],
      effect: { for: [345, 338, 823, 1438, 935, 896, 809, 1432, 1086, 1411], against: [279, 325, 348, 678, 666, 1054, 453, 795, 1027, 909] },
      measured: { effect: 5.03, random: 0.26, perplexity: 1.12, collapse: 3 },
    },
    {
      name: 'thou', about: 'Speech of old: thou and thee, not you.', hook: 'blocks.0.hook_resid_pre', position: 'mean', strength: 2,
      positive: [
        '"Where art thou going?" she said to him',
        '"I will give thee what thou askest',
        '"O my lord, thou hast saved me with thy hand',
        '"Thou shalt have thy wish',
        '"Take thy sword and go with thee',
        '"Dost thou know thy father?',
      ],
      negative: [
        '"Where are you going?" she said to him',
        '"I will give you what you ask',
        '"Oh, my dear, you have saved me with your hand',
        '"You shall have your wish',
        '"Take your sword and go with you',
        '"Do you know your father?',
      ],
      effect: { for: [1217, 1609, 1879], against: [309, 488] },
      measured: { effect: 7.12, random: 0.51, perplexity: 1.87, collapse: 6 },
    },
    {
      name: 'now', about: 'What is and will be, not what was.', hook: 'blocks.1.hook_resid_pre', position: 'mean', strength: 3,
      positive: [
        'The king is old and his son is at home',
        'They are friends, and they live in the house',
        'She has a dog that is good and can run',
        'Now we are here and it is day',
        'He is sure that all will be well',
        'The birds are in the tree, and the sun is high',
      ],
      negative: [
        'The king was old and his son was at home',
        'They were friends, and they lived in the house',
        'She had a dog that was good and could run',
        'Then we were there and it was day',
        'He was sure that all would be well',
        'The birds were in the tree, and the sun was high',
      ],
      effect: { for: [374, 494, 566, 709, 399, 437, 517, 690], against: [308, 400, 337, 447, 449, 499] },
      measured: { effect: 5.18, random: -0.45, perplexity: 2.11, collapse: 5 },
    },
  ],
};
