/** The chosen token of a text: what each model says there; below it the direction itself, and what can be done with it. */
import type { GeneratedToken, GenerateRequest, ReadRequest } from '../../engine/types';
import { full, share, softmax, three, topIndices } from '../../state/numbers';
import type { Shown } from '../../state/run';
import { hookName, recipeName, steerName, type VectorRecipe } from '../../state/steer';
import { Bar } from '../../ui/Bar';
import { Tok } from '../../ui/Tok';
import { usePage } from '../page';
import { arrayOf, useReading } from '../useReading';
import { beginning } from './ready';
import { startOf } from './RecipeControls';
import { changeOf } from './Texts';
import { useSteer, useVector, WAY_WORDS, type WayName } from './useSteering';
import { chosen, texts } from './useTexts';

const TOP = 6;

/** How many texts a direction is made from; a blank one is none. */
function countOf({ contrast: { positive, negative }, method }: Extract<VectorRecipe, { contrast: unknown }>): string {
  const [a, b] = [positive, negative].map((texts) => texts.filter((text) => text.trim() !== '').length) as [number, number];
  return a === b ? `${a} ${a === 1 ? 'pair' : 'pairs'}, A − B` : method === 'mean' ? `${a} − ${b} texts` : `${a} and ${b} texts`;
}

/** The logits after these tokens. */
const after = (part: Partial<GenerateRequest>, ids: readonly number[]): ReadRequest => ({
  read: 'lens', ids, ...(part.edits && { edits: part.edits }), ...(part.runs && { runs: part.runs }),
  states: ['final_post'], ln: 'cached', positions: [ids.length - 1], k: 1, logits: true,
});

/** What else could have stood there, with the edits and without; of a frozen pattern there is no such reading. */
function Instead({ request, tokens, at }: { readonly request: GenerateRequest; readonly tokens: readonly GeneratedToken[]; readonly at: number }) {
  const { app } = usePage();
  const ids = [...Array.from(request.ids), ...tokens.slice(0, at).map(({ id }) => id)];
  const frozen = request.freeze_attention === true;
  const here = useReading(frozen ? null : after(request, ids));
  const plain = useReading(request.edits ? after({}, ids) : null);
  const token = tokens[at];
  const p = (frozen ? null : here.reading) && softmax(arrayOf(here.reading, 'logits'));
  const q = request.edits && plain.reading ? softmax(arrayOf(plain.reading, 'logits')) : null;
  const rows = p ? topIndices(q ? p.map((x, i) => Math.max(x, q[i] ?? 0)) : p, TOP) : (token?.top_ids.slice(0, TOP) ?? []);
  return (
    <section data-stale={here.stale && !frozen}>
      <h3>
        Instead of it <span>same prefix</span>
      </h3>
      <table class="bars">
        <thead>
          <tr>
            <th scope="col">
              <span class="unseen">token</span>
            </th>
            <th scope="col">
              <span class="unseen">bar</span>
            </th>
            {q && <th scope="col">before</th>}
            <th scope="col">now</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((id) => {
            const now = p?.[id] ?? token?.top_probs[token.top_ids.indexOf(id)] ?? NaN;
            const before = q?.[id] ?? null;
            return (
              <tr key={id} data-lit={id === token?.id}>
                <th scope="row">
                  <code title={`id ${id}`}>
                    <Tok text={app.glyph(id)} />
                  </code>
                </th>
                <td class="bar-cell">
                  <Bar value={now} before={before} full={1} />
                </td>
                {before !== null && (
                  <td class="num muted" title={full(before)}>
                    {share(before)}
                  </td>
                )}
                <td class="num now" title={full(now)}>
                  {share(now)}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Token({ way, at }: { readonly way: string; readonly at: number }) {
  const { app } = usePage();
  const text = texts.value.get(way);
  const token = text?.tokens[at];
  if (!text?.request || !token) return null;
  const [title] = WAY_WORDS[way as WayName] ?? [way];
  const { twin_log_prob: twin, kl } = token;
  const numbers: readonly (readonly [string, string, number] | null)[] = [
    twin === null ? null : ['probability, unedited', share(Math.exp(twin)), Math.exp(twin)],
    ['probability here', share(token.prob), token.prob],
    kl === null ? null : ['KL here', `${three(kl)} nats`, kl],
    twin === null ? null : ['log p, change', `${three(changeOf(token))} nats`, changeOf(token)],
  ];
  return (
    <>
      <header>
        <h2 class="lit">
          <Tok text={app.glyph(token.id)} />
        </h2>
        <p class="muted">
          token {at} of “{title}”
        </p>
      </header>
      <dl class="numbers">
        {numbers.map(
          (row) =>
            row && (
              <div key={row[0]}>
                <dt>{row[0]}</dt>
                <dd title={full(row[2])}>{row[1]}</dd>
              </div>
            ),
        )}
      </dl>
      <Instead request={text.request} tokens={text.tokens} at={at} />
    </>
  );
}

export function SteerInspector() {
  const shown = usePage().app.runner.shown.value?.a;
  return shown ? <Direction shown={shown} /> : null;
}

/** On the sheet's bar: what steers, and where. */
export function SteerLine() {
  const { app } = usePage();
  const shown = app.runner.shown.value?.a;
  if (!shown) return null;
  const steer = app.experiment.current.value.steer ?? beginning(shown.info);
  return (
    <>
      <b>{steerName(steer, app.glyph)}</b>
      <code class="muted">{hookName(steer.hook)}</code>
    </>
  );
}

function Direction({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const [steer, change] = useSteer(shown.info);
  const made = useVector(steer, shown);
  const { values = {}, conventions = {} } = made.reading ?? {};
  const other = steer.op === 'project_out' ? 'add' : 'project_out';
  const at = chosen.value;
  const token = at && texts.value.get(at.way)?.tokens[at.at];
  const facts: readonly (readonly [key: string, words: string])[] = [
    ['norm', 'norm'],
    ['stream_norm', 'the stream’s norm there'],
    ...(steer.op === 'add' || steer.op === 'ablate_add' ? ([['ratio', 'its norm / the stream’s']] as const) : []),
    ['cosine', 'cosine to the stream'],
    ['separation', 'separation, held out'],
  ];
  return (
    <div class="inspector-body">
      {at && token ? (
        <Token way={at.way} at={at.at} />
      ) : (
        <header>
          <h2>{recipeName(steer.recipe, app.glyph)}</h2>
          <p class="muted">Choose a token of a text to see what else could have stood there.</p>
        </header>
      )}
      <section data-stale={made.stale || app.model.value.kind !== 'ready'}>
        <h3>The direction</h3>
        <dl class="numbers plain">
          <div>
            <dt>from</dt>
            <dd>{'contrast' in steer.recipe ? countOf(steer.recipe) : recipeName(steer.recipe, app.glyph)}</dd>
          </div>
          <div>
            <dt>at</dt>
            <dd>
              <code title={steer.hook}>{hookName(steer.hook)}</code>
            </dd>
          </div>
          {facts.map(([key, words]) => {
            const value = values[key];
            return (
              value != null && (
                <div key={key} title={conventions[key]}>
                  <dt>{words}</dt>
                  <dd title={full(value)}>{three(value)}</dd>
                </div>
              )
            );
          })}
        </dl>
      </section>
      <section class="actions">
        <h3>Do something with it</h3>
        <button type="button" onClick={() => change({ force: steer.force === 'on' ? 'off' : 'on' })}>
          {steer.force === 'on' ? 'Take it out of force' : 'Put it in force everywhere'}
        </button>
        <button type="button" onClick={() => change({ op: other, ...startOf(other, made.reading) })}>
          {steer.op === 'project_out' ? 'Add it again' : 'Project it out'}
        </button>
        <button type="button" onClick={() => app.experiment.look({ control: 'ways' })}>
          Compare with ablation and patching
        </button>
        {at && (
          <button type="button" onClick={() => (chosen.value = null)}>
            Unlock
          </button>
        )}
      </section>
    </div>
  );
}
