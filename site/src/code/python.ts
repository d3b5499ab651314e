/** A value of a document as a Python literal. Strings come out quoted whatever they hold, numbers as numbers. */
export function literal(value: unknown): string {
  if (typeof value === 'object' && value !== null) return `[${Array.from(value as ArrayLike<unknown>, literal).join(', ')}]`;
  return JSON.stringify(value);
}

/** Numbers as a tensor of floats: [1.0, 0.5]. */
export const tensor = (numbers: unknown): string => `torch.tensor(${literal(numbers).replace(/(?<![\d.e+-])(-?\d+)(?=[,\]])/g, '$1.0')})`;

/** Lines of Python, each `by` steps further in. */
export const indent = (lines: readonly string[], by = 1): readonly string[] => lines.map((line) => (line ? '    '.repeat(by) + line : line));

/** The lines of a template; what a condition left empty is no line. */
export const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line.trim());

export const range = (from: number, to: number): readonly number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
