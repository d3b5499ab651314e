import { readFileSync } from 'node:fs';
import { setOf, sides } from '../../site/src/state/tasks';
import { TASKS } from '../../site/src/state/tasksMeasured';
import { createTokenizer } from '../../site/src/worker/tokenizer';

describe('ready-made pairs', () => {
  it('a double text has a clean and a corrupted side', () => {
    expect(sides('The {king|queen} met {A|B}.')).toEqual(['The king met A.', 'The queen met B.']);
    expect(sides(`{"|'}No`)).toEqual(['"No', "'No"]);
  });
  it('a pair is one of a set where its task has such, also the other way round; others are of none', () => {
    const task = {
      name: 'royal', about: '', prompts: 100, right: 100, first: 100, aligned: 2,
      pairs: [{ text: 'The {king|queen} saw', answer: '{ his| her}' }, { text: 'The {boy|girl} saw', answer: '{ him| it}' }, { text: 'A {man|woman}', answer: '{ a| b}' }],
    };
    const set = [['The king saw', 'The queen saw', ' his', ' her'], ['The boy saw', 'The girl saw', ' him', ' it']];
    expect(setOf([task], 'The boy saw', 'The girl saw')).toEqual({ task: 'royal', pairs: set, at: 1 });
    expect(setOf([task], 'The queen saw', 'The king saw')).toEqual({ task: 'royal', pairs: set.map(([a, b, right, wrong]) => [b, a, wrong, right]), at: 0 });
    expect(setOf([task], 'A man', 'A woman')).toBeNull();
    expect(setOf([task], 'The king saw', 'The girl saw')).toBeNull();
    expect(setOf([task], 'The king saw', null)).toBeNull();
    expect(setOf([{ ...task, aligned: 1 }], 'The king saw', 'The queen saw')).toBeNull();
  });

  for (const [model, tasks] of Object.entries(TASKS)) {
    it(`${model}: at least two tasks, each right in 90 % of 100 prompts`, () => {
      expect(tasks.length).toBeGreaterThanOrEqual(2);
      for (const { prompts, right } of tasks) expect(prompts >= 100 && right >= 0.9 * prompts).toBe(true);
    });

    it(`${model}: the page's tokenizer gives both sides as many tokens, answers of one, and the first pairs one shape`, () => {
      const bytes = readFileSync(new URL(`../../models/${model}/tokenizer.json`, import.meta.url));
      const { encode } = createTokenizer(Uint8Array.from(bytes).buffer);
      const ids = (text: string) => encode(text, { special: false });
      for (const { pairs, aligned } of tasks) {
        const shapes = pairs.map(({ text, answer }) => {
          const [clean = [], corrupted = []] = sides(text).map(ids);
          expect(clean.length, text).toBe(corrupted.length);
          for (const side of sides(answer)) expect(ids(side), answer).toHaveLength(1);
          return `${clean.length}: ${clean.flatMap((id, i) => (id === corrupted[i] ? [] : [i]))}`;
        });
        expect(aligned).toBeGreaterThanOrEqual(2);
        expect(new Set(shapes.slice(0, aligned)).size).toBe(1);
        expect(new Set(shapes).size).toBeGreaterThan(1);
      }
    });
  }
});
