/** Sentences one click away; the first is what the page opens on. */
export interface Example {
  readonly name: string;
  readonly text: string;
}

export const EXAMPLES: readonly [Example, ...Example[]] = [
  { name: 'the cat', text: 'One day the cat sat on the bed. Then the cat sat on the' },
  { name: 'A B C', text: 'A B C D E F G. A B C D E F' },
  { name: 'one two', text: 'one two buckle my shoe, one two buckle' },
  { name: 'no repeat', text: 'The cat sat on my mat' },
];
