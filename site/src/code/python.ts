/** A value of a document as a Python literal. Strings come out quoted whatever they hold. */
export function literal(value: unknown): string {
  if (typeof value === 'object' && value) return `[${Array.from(value as ArrayLike<unknown>, literal).join(', ')}]`;
  return JSON.stringify(value) ?? 'None';
}

export type Values = Readonly<Record<string, unknown>>;

/** A template as Python. `~fact?this;that^` is this where the pattern is found among `facts` ("!": is not), else that or nothing. `$name`
 *  is a value as a literal, `%name` Python that stands for itself, its lines indented as the first one. Without positions what picks
 *  them goes, and so does a line of which nothing is left. */
export function render(template: string, facts: string, values: Values): string {
  let [text, before] = [values['positions'] ? template : template.replace(/\[(:, )?at\]|(, )?pos_slice=at\b/g, ''), ''];
  while (text !== before) {
    before = text;
    text = text.replace(/~(!?)([^~?^]+)\?([^~^]*)\^/g, (_, not, fact, inner) => inner.split(';')[new RegExp(fact).test(facts) === !not ? 0 : 1] ?? '\0');
  }
  return text
    .trim()
    .replace(/^[\0\s]*\0\n/gm, '')
    .replaceAll('\0', '')
    .replace(/^( *)(.*)$/gm, (line, space) => line.replace(/([$%])(\w+)/g, (_, how, name) => (how === '$' ? literal(values[name]) : `${values[name]}`.replaceAll('\n', `\n${space}`))));
}
