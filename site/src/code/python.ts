/** A value of a document as a Python literal. Strings come out quoted whatever they hold. */
export function literal(value: unknown): string {
  if (typeof value === 'object' && value) return `[${Array.from(value as ArrayLike<unknown>, literal).join(', ')}]`;
  return JSON.stringify(value) ?? 'None';
}

/** Python that stands for itself among values; its lines go where the first one stands. */
export class Code {
  readonly text: string;
  constructor(text: string | readonly string[]) {
    this.text = typeof text === 'string' ? text : text.join('\n');
  }
}

export type Values = Readonly<Record<string, unknown>>;

const isThere = (value: unknown) => value !== undefined && value !== null && value !== false;

/** A template as Python. `<<name:this||that>>` is this where `values` has the name (`name=word`: has that word; "!": has not), else that
 *  or nothing; `$name` is its value. What picks positions goes where there are none, and so does a line of which nothing is left. */
export function render(template: string, values: Values): string {
  let [text, before] = [values['positions'] ? template : template.replace(/\[(:, )?at\]|(, )?pos_slice=at\b/g, ''), ''];
  while (text !== before) {
    before = text;
    text = text.replace(/<<(!?)(\w+)=?(\w*):((?:(?!<<|>>)[^])*)>>/g, (_, not, name, word, inner) => {
      const is = word ? values[name] === word : isThere(values[name]);
      return inner.split('||')[is === !not ? 0 : 1] ?? '';
    });
  }
  return text
    .split('\n')
    .map((line) => line.replace(/\$(\w+)/g, (_, name) => {
      const value = values[name];
      return value instanceof Code ? value.text.replaceAll('\n', `\n${/^ */.exec(line)![0]}`) : literal(value);
    }))
    .filter((line) => line.trim())
    .join('\n');
}
