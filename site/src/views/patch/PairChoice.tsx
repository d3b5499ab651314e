/** Ready-made pairs: tasks that the loaded model does, measured (models/tasks.mjs). */
import type { Shown } from '../../state/run';
import { setOf, sides, type Task, type TaskPair } from '../../state/tasks';
import { TASKS } from '../../state/tasksMeasured';
import type { App } from '../../state/app';
import { Segments } from '../../ui/Segments';
import { usePage } from '../page';
import { tokenOf } from './useBench';

function take(app: App, { text, answer }: TaskPair) {
  const [a, b] = sides(text);
  const [correct, wrong] = sides(answer).map((side) => tokenOf(app, side)) as [number, number];
  app.useExample({ name: text, text: a, b });
  app.experiment.look({ site: 'resid_pre', ...(correct >= 0 && wrong >= 0 && { answers: [correct, wrong] as const }) });
}

const tasksOf = ({ info }: Shown): readonly Task[] => TASKS[info.id] ?? [];

const said = ({ prompts, right }: Task) => `right in ${right} of ${prompts} prompts`;

const DOUBLE = /\{(.*?)\|(.*?)\}/g;

/** Both prompts as one text: where they differ, the word of A and that of B. */
function Double({ text }: { readonly text: string }) {
  return (
    <code class="double">
      {text.split(/(\{.*?\|.*?\})/).map((part) => {
        const [a, b] = sides(part);
        return a === b ? part : <><span class="of-a">{a.replace(/^ /, '␣')}</span><span class="of-b">{b.replace(/^ /, '␣')}</span></>;
      })}
    </code>
  );
}

export function PairChoice({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const { text, textB } = app.experiment.current.value;
  const tasks = tasksOf(shown);
  const pairs = tasks.flatMap((task) => task.pairs);
  const at = pairs.findIndex((pair) => sides(pair.text)[0] === text && sides(pair.text)[1] === textB);
  const set = setOf(tasks, text, textB);
  if (tasks.length === 0) return null;
  return (
    <>
      <label class="pick pairs">
        pair{' '}
        <select value={at} title="Where both differ: the word of A / the word of B" onChange={(event) => pairs[Number(event.currentTarget.value)] && take(app, pairs[Number(event.currentTarget.value)] as TaskPair)}>
          {at < 0 && <option value={-1}>your own</option>}
          {tasks.map((task) => (
            <optgroup key={task.name} label={`${task.name}: ${said(task)}`}>
              {task.pairs.map((pair) => (
                <option key={pair.text} value={pairs.indexOf(pair)}>
                  {task.name}: {pair.text.replace(DOUBLE, '$1 / $2')}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </label>
      {set && (
        <Segments
          label="Pairs"
          value={app.view.value.set}
          options={[
            ['one', 'this pair', 'The pair that stands above'],
            ['all', `all ${set.pairs.length} of “${set.task}”`, `Means over ${set.pairs.map(([a, b]) => `${a} / ${b}`).join('; ')}`],
          ]}
          onPick={(picked) => app.experiment.look({ set: picked })}
        />
      )}
    </>
  );
}

/** Where there is no pair yet: what one is for, and one of each task. */
export function PairOffers({ shown, problem }: { readonly shown: Shown; readonly problem: string }) {
  const { app } = usePage();
  return (
    <div class="offers">
      <p>{problem}</p>
      {tasksOf(shown).length > 0 && (
        <>
          <h2 class="title">
            Pairs that this model gets right <small>where both differ: <span class="double"><span class="of-a">the word of A</span><span class="of-b">the word of B</span></span></small>
          </h2>
          <ul>
            {tasksOf(shown).map((task) => {
              const pair = task.pairs[0];
              return (
                pair && (
                  <li key={task.name}>
                    <button type="button" class="button" onClick={() => take(app, pair)}>
                      {task.name}
                    </button>
                    <span>
                      <Double text={pair.text} /> → <Double text={pair.answer} />
                      <br />
                      <span class="muted">
                        {task.about} {said(task).replace('r', 'R')}.
                      </span>
                    </span>
                  </li>
                )
              );
            })}
          </ul>
        </>
      )}
      <p class="muted">Or write your own: Add a second prompt above, and change a word of as many tokens.</p>
    </div>
  );
}
