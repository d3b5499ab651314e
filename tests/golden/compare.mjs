// The rules that results are held to (docs/numerics.md). Pure: tensors in, findings out.
//
// A tensor is {shape: number[], data: Float32Array}. A finding is {name, ratio, problem}: `ratio` is the
// difference over what is allowed (1 is the limit), `problem` a sentence when the rule is broken, else null;
// `zero` marks a gradient whose reference is zero.

export const ALLOWED = { value: 1e-4, gradient: 1e-3, zeroGradient: 1e-6, topTwoGap: 2e-3 };

function shapesDiffer(name, reference, got) {
  if (reference.shape.length === got.shape.length && reference.shape.every((n, i) => n === got.shape[i])) return null;
  return { name, ratio: Infinity, problem: `${name}: shape [${got.shape}], the reference has [${reference.shape}]` };
}

/** |difference| <= 1e-4 * max(1, largest finite |value| of the reference); -inf only against -inf; no NaN. */
export function compareValues(name, reference, got) {
  const shapes = shapesDiffer(name, reference, got);
  if (shapes) return shapes;
  let largest = 1;
  for (const x of reference.data) if (Number.isFinite(x)) largest = Math.max(largest, Math.abs(x));
  const allowed = ALLOWED.value * largest;
  let worst = 0;
  for (let i = 0; i < got.data.length; i++) {
    const a = reference.data[i];
    const b = got.data[i];
    if (a === b) continue;
    const difference = Math.abs(a - b);
    if (!Number.isFinite(difference))
      return { name, ratio: Infinity, problem: `${name}[${i}]: ${b}, the reference has ${a}` };
    worst = Math.max(worst, difference);
  }
  const ratio = worst / allowed;
  return { name, ratio, problem: ratio <= 1 ? null : `${name}: off by ${worst}, allowed ${allowed}` };
}

/** As compareValues, but a reading has NaN where there is nothing to say: there and nowhere else. */
export function compareReading(name, reference, got) {
  const shapes = shapesDiffer(name, reference, got);
  if (shapes) return shapes;
  const hole = (data) => (i) => Number.isNaN(data[i]);
  const [here, there] = [hole(reference.data), hole(got.data)];
  const at = got.data.findIndex((_, i) => here(i) !== there(i));
  if (at >= 0) return { name, ratio: Infinity, problem: `${name}[${at}]: ${got.data[at]}, the reference has ${reference.data[at]}` };
  const filled = ({ shape, data }) => ({ shape, data: data.map((x) => (Number.isNaN(x) ? 0 : x)) });
  return compareValues(name, filled(reference), filled(got));
}

/** The row's largest entry is the reference's wherever that leads its second by more than 2e-3. */
export function compareArgmax(name, reference, got) {
  const width = reference.shape.at(-1);
  for (let row = 0; row * width < reference.data.length; row++) {
    const a = reference.data.subarray(row * width, (row + 1) * width);
    const b = got.data.subarray(row * width, (row + 1) * width);
    let first = 0;
    let second = -Infinity;
    let ours = 0;
    for (let i = 1; i < width; i++) {
      if (a[i] > a[first]) {
        second = a[first];
        first = i;
      } else if (a[i] > second) second = a[i];
      if (b[i] > b[ours]) ours = i;
    }
    if (ours !== first && a[first] - second > ALLOWED.topTwoGap)
      return { name, ratio: Infinity, problem: `${name} row ${row}: largest at ${ours}, the reference has ${first}` };
  }
  return { name, ratio: 0, problem: null };
}

/** max |difference| <= 1e-3 * max |reference|; where the reference is zero (below 1e-12), below 1e-6. */
export function compareGradients(name, reference, got) {
  const shapes = shapesDiffer(name, reference, got);
  if (shapes) return shapes;
  let largest = 0;
  let worst = 0;
  for (let i = 0; i < got.data.length; i++) {
    const difference = Math.abs(reference.data[i] - got.data[i]);
    if (!Number.isFinite(difference))
      return { name, ratio: Infinity, problem: `${name}[${i}]: gradient ${got.data[i]}, the reference has ${reference.data[i]}` };
    largest = Math.max(largest, Math.abs(reference.data[i]));
    worst = Math.max(worst, difference);
  }
  const zero = largest < 1e-12;
  const allowed = zero ? ALLOWED.zeroGradient : ALLOWED.gradient * largest;
  const ratio = worst / allowed;
  return { name, ratio, zero, problem: ratio <= 1 ? null : `${name}: gradient off by ${worst}, allowed ${allowed}` };
}

/** Every bit, the sign of zero too. */
export function compareBits(name, reference, got) {
  const shapes = shapesDiffer(name, reference, got);
  if (shapes) return shapes;
  const a = new Uint32Array(reference.data.buffer, reference.data.byteOffset, reference.data.length);
  const b = new Uint32Array(got.data.buffer, got.data.byteOffset, got.data.length);
  const i = a.findIndex((bits, at) => bits !== b[at]);
  if (i < 0) return { name, ratio: 0, problem: null };
  return { name, ratio: Infinity, problem: `${name}[${i}]: ${got.data[i]} where ${reference.data[i]} is expected, bit for bit` };
}

/** Compare two maps name -> tensor: no name missing, none extra, each pair by `rule`. */
export function compareAll(reference, got, rule) {
  const findings = [];
  for (const [name, tensor] of reference) {
    const ours = got.get(name);
    if (!ours) {
      findings.push({ name, ratio: Infinity, problem: `${name} is missing` });
      continue;
    }
    findings.push(rule(name, tensor, ours));
    if (rule === compareValues && name === 'logits' && !findings.at(-1).problem)
      findings.push(compareArgmax(name, tensor, ours));
  }
  for (const name of got.keys())
    if (!reference.has(name)) findings.push({ name, ratio: Infinity, problem: `${name} is not in the reference` });
  return findings;
}
