/** A value of a document as a Python literal. Strings come out quoted whatever they hold. */
export function literal(value: unknown): string {
  if (typeof value === 'object' && value) return `[${Array.from(value as ArrayLike<unknown>, literal).join(', ')}]`;
  return value === true ? 'True' : (JSON.stringify(value || value === 0 || value === '' ? value : undefined) ?? 'None');
}

export type Values = Readonly<Record<string, unknown>>;

/** A template as Python. `~name:this;that^` is this where `values` has the name (`name=word`: has that word; "!": has not), else that or
 *  nothing. `$name` is its value as a literal, `%name` Python that stands for itself, its lines indented as the first one. What picks
 *  positions goes where there are none, and so does a line of which nothing is left. */
export function render(template: string, values: Values): string {
  let [text, before] = [values['positions'] ? template : template.replace(/\[(:, )?at\]|(, )?pos_slice=at\b/g, ''), ''];
  while (text !== before) {
    before = text;
    text = text.replace(/~(!?)(\w+)=?(\w*):([^~^]*)\^/g, (_, not, name, word, inner) => {
      const value = values[name];
      const is = word ? value === word : value !== undefined && value !== null && value !== false;
      return inner.split(';')[is === !not ? 0 : 1] ?? '';
    });
  }
  return text
    .split('\n')
    .map((line) => line.replace(/([$%])(\w+)/g, (_, how, name) => (how === '$' ? literal(values[name]) : `${values[name]}`.replaceAll('\n', `\n${/^ */.exec(line)}`))))
    .filter((line) => line.trim())
    .join('\n');
}
