/** Sentences one click away; the first is what the page opens on. */
export interface Example {
  readonly name: string;
  readonly text: string;
  /** A second prompt of as many tokens. */
  readonly b?: string | null;
}

export const EXAMPLES: readonly [Example, ...Example[]] = [
  { name: 'red bear', text: 'The red bear sat on the bed. Then the red bear sat on the' },
  { name: 'A B C', text: 'A B C D E F. A B C D E F' },
  { name: 'name swap', text: 'Tom gave the ball to Mary. Then Tom', b: 'Tom gave the ball to Mary. Then Mary' },
  { name: 'no repeat', text: 'The cat sat on the' },
];
