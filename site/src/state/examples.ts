/** Sentences one click away; the first is what the page opens on. */
export interface Example {
  readonly name: string;
  readonly text: string;
}

export const EXAMPLES: readonly [Example, ...Example[]] = [
  { name: 'red bear', text: 'The red bear sat on the bed. Then the red bear sat on the' },
  { name: 'A B C', text: 'A B C D E F. A B C D E F' },
  { name: 'blue bear', text: 'One day the blue bear met a girl. Then the blue bear' },
  { name: 'no repeat', text: 'The cat sat on the' },
];
