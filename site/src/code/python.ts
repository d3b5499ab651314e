/** A value of a document as a Python literal. Strings come out quoted whatever they hold. */
export function literal(value: unknown): string {
  if (typeof value === 'object' && value) return `[${Array.from(value as ArrayLike<unknown>, literal).join(', ')}]`;
  return JSON.stringify(value) ?? 'None';
}

/** Numbers as a tensor of floats: [1.0, 0.5]. */
export const tensor = (numbers: unknown): string => `torch.tensor(${literal(numbers).replace(/(?<![\d.e+-])(-?\d+)(?=[,\]])/g, '$1.0')})`;

export const range = (from: number, to: number): readonly number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** Python that stands for itself among values. */
export class Code {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Values = Readonly<Record<string, unknown>>;

/** A template as lines of Python. `<<name:this||that>>` is this where values has the name (`name=word`: that word there; "!": not),
 *  that or nothing else; `$name` its value. Without `positions` what picks them goes; a line of which nothing is left goes too. */
export function lines(template: string, values: Values): readonly string[] {
  let [text, before] = [values['positions'] ? template : template.replace(/\[(:, )?at\]|(, )?pos_slice=at\b/g, ''), ''];
  while (text !== before) {
    before = text;
    text = text.replace(/<<(!?)(\w+)(?:=(\w+))?:((?:(?!<<|>>)[^])*)>>/g, (_, not, name, word, inner) => {
      const value = values[name];
      const there = word ? value === word : value !== undefined && value !== null && value !== false;
      return inner.split('||')[there === !not ? 0 : 1] ?? '';
    });
  }
  const put = (line: string) => line.replace(/\$(\w+)/g, (_, name) => (values[name] instanceof Code ? values[name].text : literal(values[name])));
  return text.split('\n').filter((line) => line.trim()).map(put);
}

/** Lines one step further in. */
export const indent = (those: readonly string[]): readonly string[] => those.map((line) => `    ${line}`);
