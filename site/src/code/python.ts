/** A value of a document as a Python literal. Strings come out quoted whatever they hold. */
export function literal(value: unknown): string {
  if (typeof value === 'object' && value) return `[${Array.from(value as ArrayLike<unknown>, literal).join(', ')}]`;
  return JSON.stringify(value) ?? 'None';
}

export type Values = Readonly<Record<string, unknown>>;

/** What is left of a text when `step` changes nothing any more. */
export function settled(text: string, step: (text: string) => string): string {
  const next = step(text);
  return next === text ? text : settled(next, step);
}

/** A template as Python. `~fact?this;that^` is this where the pattern is found among `facts`, else that or nothing. `$name` is a value as a
 *  literal, `%name` Python that stands for itself, its lines indented as the first one. A line of which nothing is left goes. */
export function render(template: string, facts: string, values: Values): string {
  const choose = (_: string, fact: string, inner: string) => inner.split(';')[new RegExp(fact).test(facts) ? 0 : 1] || '\0';
  const put = (line: string, space: string) => line.replace(/([$%])(\w+)/g, (_, how, name) =>
    how === '$' ? literal(values[name]) : `${values[name] || '\0'}`.replaceAll('\n', `\n${space}`));
  return settled(template, (text) => text.replace(/~([^~?^]+)\?([^~^]*)\^/g, choose))
    .trim()
    .replace(/^( *).*$/gm, put)
    .replace(/^[\0\s]*\0\n/gm, '')
    .replaceAll('\0', '');
}
