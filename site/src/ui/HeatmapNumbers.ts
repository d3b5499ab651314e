/** Numbers of pictures as text. */

const proper = (text: string) => text.replaceAll('-', '−');

/** Three significant figures and a true minus sign: 0.920, 5.34, −12.3, 1234, 2.40e−7. */
export function threeFigures(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value < 0 ? '−∞' : '∞';
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 1e-3 || size >= 1e5) return proper(value.toExponential(2));
  return proper(size >= 999.5 ? value.toFixed(0) : value.toPrecision(3));
}

/** The shortest decimal that is this 32-bit float and no other; for files and titles, so with an ASCII minus. */
export function fullValue(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  for (let digits = 6; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === Math.fround(value)) return text;
  }
  return String(Number(value.toPrecision(9)));
}
