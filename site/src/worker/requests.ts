/** What a script may get wrong in a request, said by field. The types say it to TypeScript; a person at the
 *  console has only these lines. Ids, edits, hook names and the fields of a reading or a generation are the
 *  core's to judge. */
import { PROCESSES, type ProcessName } from '../engine/abi.gen';
import { EngineError } from '../engine/errors';
import type { GenerateRequest, ReadRequest, RunRequest } from '../engine/types';

const PROMPT = ['ids', 'edits', 'runs'];
const RUN = ['ids', 'edits', 'capture', 'logits', 'runs', 'vectors'];

const refuse = (what: string): never => {
  throw new EngineError('ESPEC', what);
};

const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !isList(value);

function object(value: unknown, field: string, of: string): Record<string, unknown> {
  return isObject(value) ? value : refuse(`${field}: an object${of} is needed`);
}

function checkVector(name: string, vector: unknown) {
  const data = isObject(vector) ? vector['data'] : vector;
  if (!(data instanceof Float32Array)) refuse(`vectors.${name}: a Float32Array, or {shape, data} with one, is needed`);
  if (isObject(vector) && !isList(vector['shape'])) refuse(`vectors.${name}.shape: a list of lengths is needed`);
}

function checkFields(value: Record<string, unknown>, fields: readonly string[], where: string) {
  for (const field of Object.keys(value))
    if (!fields.includes(field)) refuse(`${where}${field}: there is no such field; there are ${fields.join(', ')}`);
}

/** What the worker itself makes of a request: the run. */
function checkPrompt({ ids, edits = [], runs = {}, vectors = {} }: Record<string, unknown>, where: string) {
  if (!isList(ids)) refuse(`${where}ids: a list of token ids is needed`);
  if (!Array.isArray(edits)) refuse(`${where}edits: a list of edits is needed`);
  for (const [name, other] of Object.entries(object(runs, `${where}runs`, ' of names and token ids')))
    if (!isList(other)) refuse(`${where}runs.${name}: a list of token ids is needed`);
  for (const [name, vector] of Object.entries(object(vectors, 'vectors', ' of names and Float32Arrays'))) checkVector(name, vector);
}

export function checkRun(request: unknown): asserts request is RunRequest {
  const fields = object(request, 'run', ` {${RUN.join(', ')}}`);
  checkFields(fields, RUN, '');
  checkPrompt(fields, '');
  const { capture = [] } = fields;
  if (!Array.isArray(capture) || capture.some((name) => typeof name !== 'string')) refuse('capture: a list of hook names or globs is needed');
}

export function checkRead(request: unknown): asserts request is ReadRequest {
  const fields = object(request, 'read', ' {read, ids, ...}');
  const { ids = [], vectors, minus } = fields;
  checkPrompt({ ...fields, ids, vectors: isObject(vectors) ? vectors : {} }, '');
  if (minus === undefined) return;
  if (fields['ids'] === undefined) refuse('minus: there is no run to take it away from; "ids" is missing');
  checkFields(object(minus, 'minus', ` {${PROMPT.join(', ')}}`), PROMPT, 'minus.');
  checkPrompt(object(minus, 'minus', ''), 'minus.');
}

export function checkGenerate(request: unknown): asserts request is GenerateRequest {
  checkPrompt(object(request, 'generate', ' {ids, max_new, ...}'), '');
}

export function checkProcess(names: unknown): asserts names is readonly ProcessName[] {
  if (!Array.isArray(names) || names.some((name) => !PROCESSES.includes(name))) refuse(`process takes a list of ${PROCESSES.join(', ')}`);
}

/** A document as the core reads it: JSON, arrays of any type as lists. */
export function json(value: unknown): string {
  try {
    return JSON.stringify(value, (_, inside: unknown) => (isList(inside) ? Array.from(inside) : inside));
  } catch (thrown) {
    return refuse(`the request cannot be written as JSON: ${thrown instanceof Error ? thrown.message : thrown}`);
  }
}

/** ids as the core takes them; it checks their range. */
export function integers(ids: ArrayLike<number>, field: string): number[] {
  return Array.from(ids, (id, i) => {
    if (!Number.isInteger(id) || id !== (id | 0)) throw new EngineError('ETOKENS', `${field}[${i}] is ${id}, not a token id`);
    return id;
  });
}
