/** The .wasm instantiated: its exports, views of its heap, strings and arrays in and out. */
import { STATUS, type CoreExports } from '../engine/abi.gen';
import { EngineError } from '../engine/errors';

/** A block of the heap. */
export interface Block {
  readonly at: number;
  readonly bytes: number;
}

/** hsw_array: a named array in the heap. */
export interface HeapArray {
  readonly name: string;
  readonly at: number;
  readonly shape: readonly number[];
  readonly count: number;
}

export type Wasm = Awaited<ReturnType<typeof instantiate>>;
export type Scope = ReturnType<Wasm['open']>;

const WORD = 4;
const ARRAY_WORDS = 7;
const STATUSES: Readonly<Record<number, string>> = STATUS;

/** `memory`: of a shared build; the others have their own. */
export async function instantiate(bytes: BufferSource, memory?: WebAssembly.Memory) {
  const { instance, module } = await WebAssembly.instantiate(bytes, {
    env: { emscripten_notify_memory_growth: () => view(), ...(memory && { memory }) },
  });
  // The list of exports is held by a test to what abi.gen.ts says.
  const core = (memory ? { ...instance.exports, memory } : instance.exports) as unknown as CoreExports;
  const utf8 = new TextDecoder();
  const encoder = new TextEncoder();
  let u8 = new Uint8Array();
  let i32 = new Int32Array();
  let f32 = new Float32Array();
  let f64 = new Float64Array();

  /** Growth of the memory leaves earlier views empty. */
  function view() {
    const { buffer } = core.memory;
    u8 = new Uint8Array(buffer);
    i32 = new Int32Array(buffer);
    f32 = new Float32Array(buffer);
    f64 = new Float64Array(buffer);
  }
  view();
  core._initialize();

  const word = (at: number, i = 0) => i32[at / WORD + i] ?? 0;
  const text = (at: number) => utf8.decode(u8.slice(at, u8.indexOf(0, at)));
  const floats = (at: number, count: number) => f32.slice(at / WORD, at / WORD + count);
  const doubles = (at: number, count: number) => f64.slice(at / 8, at / 8 + count);

  /** An hsw_array that `describe` writes. */
  function array(describe: (out: number) => void): HeapArray {
    const scope = open();
    try {
      const out = scope.block(ARRAY_WORDS * WORD).at;
      describe(out);
      const shape = Array.from({ length: word(out, 2) }, (_, axis) => word(out, 3 + axis));
      return { name: text(word(out)), at: word(out, 1), shape, count: shape.reduce((a, b) => a * b, 1) };
    } finally {
      scope.close();
    }
  }

  function check(status: number) {
    if (status !== 0) throw new EngineError(STATUSES[status] ?? `E${status}`, text(core.hsw_detail()));
  }

  /** Blocks and objects that are freed together, last first. */
  function open() {
    const closing: (() => void)[] = [];

    function block(bytes: number): Block {
      const at = core.malloc(Math.max(bytes, 1));
      if (at === 0)
        throw new EngineError('EMEMORY', `this needs another ${bytes} bytes, and the tab cannot give them; close other tabs or take a smaller model or text`);
      closing.push(() => core.free(at));
      return { at, bytes };
    }
    function put(data: Uint8Array): Block {
      const made = block(data.length);
      u8.set(data, made.at);
      return made;
    }

    return {
      block,
      bytes: put,
      /** UTF-8 with a closing NUL that `bytes` does not count. */
      string(value: string): Block {
        const { at, bytes } = put(encoder.encode(`${value}\0`));
        return { at, bytes: bytes - 1 };
      },
      /** A list as abi.c reads it. */
      list(values: readonly string[]): number {
        for (const value of values)
          if (value === '' || value.includes('\0'))
            throw new EngineError('ESPEC', 'a name or a glob is empty or holds a NUL character; give it a name');
        return put(encoder.encode(`${values.map((value) => `${value}\0`).join('')}\0`)).at;
      },
      ints(values: ArrayLike<number>): number {
        const { at } = block(values.length * WORD);
        i32.set(values, at / WORD);
        return at;
      },
      floats(values: Float32Array): number {
        const { at } = block(values.length * WORD);
        f32.set(values, at / WORD);
        return at;
      },
      /** Arrays as a list of hsw_array; at most four axes each. */
      arrays(values: readonly Pick<HeapArray, 'name' | 'at' | 'shape'>[]): number {
        const { at } = block(values.length * ARRAY_WORDS * WORD);
        values.forEach(({ name, at: data, shape }, i) => {
          const words = [this.string(name).at, data, shape.length, ...shape];
          i32.set(words, at / WORD + i * ARRAY_WORDS);
        });
        return at;
      },
      /** Have the object at `at` freed with the rest. */
      own(at: number, free: (at: number) => void): number {
        closing.push(() => free(at));
        return at;
      },
      /** The object whose address `make` writes, freed with the rest. */
      make(make: (out: number) => number, free: (at: number) => void): number {
        const { at: out } = block(WORD);
        check(make(out));
        return this.own(word(out), free);
      },
      close() {
        while (closing.length > 0) closing.pop()?.();
      },
    };
  }

  return { core, module, check, open, word, text, floats, doubles, array };
}
