/** What a script may get wrong in a run request, said by field. The types say it to TypeScript; a person at
 *  the console has only these lines. Ids, edits and hook names are the core's to judge. */
import { EngineError } from '../engine/errors';
import type { RunRequest } from '../engine/types';

const FIELDS = ['ids', 'edits', 'capture', 'runs', 'vectors'];

const refuse = (what: string): never => {
  throw new EngineError('ESPEC', what);
};

const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !isList(value);

function checkVector(name: string, vector: unknown) {
  const data = isObject(vector) ? vector['data'] : vector;
  if (!(data instanceof Float32Array)) refuse(`vectors.${name}: a Float32Array, or {shape, data} with one, is needed`);
  if (isObject(vector) && !isList(vector['shape'])) refuse(`vectors.${name}.shape: a list of lengths is needed`);
}

export function checkRun(request: unknown): asserts request is RunRequest {
  if (!isObject(request)) return refuse('run takes an object: {ids, edits, capture, runs, vectors}');
  for (const field of Object.keys(request))
    if (!FIELDS.includes(field)) refuse(`${field}: a run has no such field; it has ${FIELDS.join(', ')}`);
  const { ids, edits = [], capture = [], runs = {}, vectors = {} } = request;
  if (!isList(ids)) refuse('ids: a list of token ids is needed');
  if (!Array.isArray(edits)) refuse('edits: a list of edits is needed');
  if (!Array.isArray(capture) || capture.some((name) => typeof name !== 'string')) refuse('capture: a list of hook names or globs is needed');
  if (!isObject(runs)) return refuse('runs: an object of names and token ids is needed');
  for (const [name, other] of Object.entries(runs)) if (!isList(other)) refuse(`runs.${name}: a list of token ids is needed`);
  if (!isObject(vectors)) return refuse('vectors: an object of names and Float32Arrays is needed');
  for (const [name, vector] of Object.entries(vectors)) checkVector(name, vector);
}
