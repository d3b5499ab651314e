/** The same prompt continued in five ways with one seed, side by side. Under each token a line says how far the model has
 *  gone from itself there; the token that is chosen is told in the inspector. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { GeneratedToken, Reading } from '../../engine/types';
import { full, three } from '../../state/numbers';
import type { Shown } from '../../state/run';
import type { Steer } from '../../state/steer';
import { SAMPLER_RANGES } from '../../state/view';
import type { MatrixData } from '../../ui/data';
import { HeatmapTable } from '../../ui/HeatmapTable';
import { Segments } from '../../ui/Segments';
import { signed } from '../../ui/Curves';
import { usePage } from '../page';
import { Picture } from '../Picture';
import { outcomeOf, outcomeWords, SEEDS } from './outcomes';
import { WAY_WORDS, WAYS, type Change, type WayName } from './useSteering';
import { chosen, type Text } from './useTexts';

/** What the line under a token says. */
const MEASURES = {
  kl: ['KL', 'KL(the model as it runs here || the model without edits, on the same tokens), nats'],
  change: ['log p', 'log-probability of the token less what the model without edits gives it, nats'],
} as const;
type Measure = keyof typeof MEASURES;

export const changeOf = ({ log_prob, twin_log_prob }: GeneratedToken): number => (twin_log_prob === null ? NaN : log_prob - twin_log_prob);
const value = (token: GeneratedToken, measure: Measure) => (measure === 'kl' ? (token.kl ?? NaN) : changeOf(token));
/** What is held against nothing has no number; the model without any edit is no way from itself. */
const compared = (name: WayName, { twin_log_prob }: GeneratedToken) => twin_log_prob !== null || name === 'baseline';

/** CSS pixels, whole ones, which are told apart: 1 at 0.1 nats, 3 at 0.3, 5 from 1 on. */
const thickness = (nats: number) => (Number.isFinite(nats) ? Math.min(5, Math.max(0.5, Math.round(5 * Math.abs(nats) ** 0.57))) : 0);
const LEGEND = [0.1, 0.3, 1];

/** What is asked for here of how text is drawn; the rest is in Look's Generate tab. */
const SAMPLED = [['seed', 'seed'], ['temperature', 'temperature'], ['max_new', 'tokens']] as const;

/** The end of a text, whole words of it. */
export const endOf = (text: string): string => (text.length > ENOUGH ? `…${text.slice(-ENOUGH - 1).replace(/^\S*\s+/, '')}` : text);
const ENOUGH = 40;

const lineUnder = (nats: number) =>
  thickness(nats) > 0
    ? `text-decoration-line:underline;text-decoration-thickness:${thickness(nats)}px;text-decoration-color:var(${nats < 0 ? '--div-neg' : '--data'})`
    : '';

interface TextsProps {
  readonly shown: Shown;
  readonly steer: Steer;
  /** Of the texts that are here; the handle may be further. */
  readonly strength: number;
  readonly change: Change;
  readonly text: (name: string) => Text;
  readonly outcome: Reading | null;
  readonly outcomeStale: boolean;
  readonly children?: ComponentChildren;
}

export function Texts({ shown, steer, strength, change, text, outcome, outcomeStale, children }: TextsProps) {
  const { app } = usePage();
  const asTable = useSignal(false);
  const measure = useSignal<Measure>('kl');
  const { sampler } = app.experiment.current.value;
  const texts = WAYS.map((name) => text(name));
  const steered = text('steered');
  const rows = Math.max(0, ...texts.map(({ tokens }) => tokens.length));
  const data: MatrixData | null =
    rows === 0
      ? null
      : {
          kind: 'matrix', title: 'Continued in five ways', rows, cols: WAYS.length,
          values: Float32Array.from({ length: rows * WAYS.length }, (_, i) => {
            const token = texts[i % WAYS.length]?.tokens[Math.floor(i / WAYS.length)];
            return token ? (token.twin_log_prob === null ? 0 : value(token, measure.value)) : NaN;
          }),
          absent: (row, col) => {
            const [name, token] = [WAYS[col], texts[col]?.tokens[row]];
            return !name || !token || !compared(name, token);
          },
          conventions: [
            MEASURES[measure.value][1],
            `seed ${sampler.seed}, temperature ${sampler.temperature}; effect, perplexity and repetition: means over ${SEEDS} texts, of seed ${sampler.seed} and those after it, of perplexity the geometric`,
            'without an edit Baseline is that model itself: 0 by definition; Prompt instead reads other tokens and is held against nothing: no number (–)',
            ...WAYS.map((name) => WAY_WORDS[name].join(': ')),
          ],
          rowLabels: Array.from({ length: rows }, (_, i) => ({ text: `token ${i}` })),
          colLabels: WAYS.map((name) => ({ text: WAY_WORDS[name][0] })),
          palette: 'cividis', scale: [0, 1], scaleLabel: MEASURES[measure.value][0],
          cellText: (row, col) => {
            const token = texts[col]?.tokens[row];
            return token ? { text: app.glyph(token.id), dot: false } : null;
          },
        };
  return (
    <Picture
      title="Prompt A, continued"
      name="the texts"
      data={data}
      what={steered.request && steered.tokens.length > 0 ? { kind: 'generate', document: { ...steered.request, forced: steered.tokens.map(({ id }) => id) } } : null}
      asTable={asTable}
      compact
      stale={!WAYS.every((name) => name === 'prompt' || text(name).whole)}
      controls={
        <>
          <span class="steer-sampler">
            {SAMPLED.map(([name, word]) => (
              <label key={name} class="pick">
                {word}{' '}
                <input
                  type="number"
                  required
                  min={SAMPLER_RANGES[name][1]}
                  max={SAMPLER_RANGES[name][2]}
                  step={name === 'temperature' ? 'any' : 1}
                  value={sampler[name]}
                  onInput={(event) => {
                    const { valueAsNumber, validity } = event.currentTarget;
                    if (validity.valid) app.experiment.set({ sampler: { ...sampler, [name]: valueAsNumber } }, `sampler ${name}`);
                  }}
                />
              </label>
            ))}
          </span>
          <Segments label="Line under a token" value={measure.value} options={(Object.keys(MEASURES) as Measure[]).map((m) => [m, ...MEASURES[m]])} onPick={(m) => (measure.value = m)} />
          <span class="steer-legend muted" aria-hidden="true">
            {measure.value === 'kl' ? 'nats from the unsteered model' : 'nats; ochre: less likely'}
            {LEGEND.map((nats) => (
              <span key={nats}>
                <i style={{ height: `${thickness(nats)}px` }} /> {nats}
              </span>
            ))}
          </span>
          {children}
        </>
      }
    >
      {asTable.value && data ? (
        <HeatmapTable shown={data} cellText={data.cellText} label="The texts" rowLabels={data.rowLabels} colLabels={data.colLabels} locked={{ value: null } as never} />
      ) : (
        <div class="steer-texts">
          {WAYS.map((name) => (
            <Column
              key={name}
              name={name}
              text={text(name)}
              measure={measure.value}
              strength={name === 'baseline' || name === 'prompt' ? null : strength}
              instead={name === 'prompt' ? { value: steer.instead, onInput: (instead) => change({ instead }, 'steer instead') } : null}
              numbers={outcome && outcomeOf(outcome, name)}
              stale={outcomeStale}
              prompt={shown.text}
            />
          ))}
        </div>
      )}
    </Picture>
  );
}

interface ColumnProps {
  readonly name: WayName;
  readonly text: Text;
  readonly measure: Measure;
  readonly strength: number | null;
  readonly instead: { readonly value: string; readonly onInput: (text: string) => void } | null;
  readonly numbers: ReturnType<typeof outcomeOf> | null;
  readonly stale: boolean;
  readonly prompt: string;
}

function Column({ name, text, measure, strength, instead, numbers, stale, prompt }: ColumnProps) {
  const { app } = usePage();
  const [title, means] = WAY_WORDS[name];
  const { tokens, rest, request, failure } = text;
  const at = chosen.value?.way === name ? chosen.value.at : null;
  const choose = (to: number | null) => (chosen.value = to === null ? null : { way: name, at: to });
  const walk = (event: KeyboardEvent) => {
    const here = at ?? 0;
    const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: tokens.length - 1 }[event.key];
    if (to === undefined || tokens.length === 0) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(tokens.length - 1, to));
    choose(next);
    (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role="option"]')[next]?.focus();
  };
  return (
    <section
      class="way"
      data-way={name}
      data-whole={text.whole}
      aria-label={title}
      data-document={request && text.whole ? JSON.stringify(request) : undefined}
    >
      <h3 title={means}>
        {title} {strength !== null && <span class={name === 'steered' ? 'lit' : 'muted'}>{signed(strength)}</span>}
        {name === 'baseline' && (
          <span class="muted" title="Below stands the first text">
            means of {SEEDS}
          </span>
        )}
      </h3>
      <dl class="way-numbers" data-stale={stale}>
        {(['effect', 'perplexity', 'repetition'] as const).map((kind) => (
          <div key={kind}>
            <dt>{kind}</dt>
            <dd title={numbers ? full(numbers[kind]) : undefined}>{numbers ? outcomeWords(kind, numbers[kind]) : '…'}</dd>
          </div>
        ))}
      </dl>
      {instead && (
        <input
          class="steer-instead"
          aria-label="What is said before the text"
          placeholder="say something first"
          value={instead.value}
          maxLength={2000}
          spellcheck={false}
          onInput={(event) => instead.onInput(event.currentTarget.value)}
        />
      )}
      {failure ? (
        <p class="muted" role="alert">
          <code>{failure.status}</code> {failure.detail}
        </p>
      ) : (
        <p class="way-text">
          <span class="unseen">After “{endOf(prompt)}”: </span>
          <span role="listbox" aria-label={`${title}, tokens`} aria-orientation="horizontal" onKeyDown={walk}>
            {tokens.map((token, i) => {
              const nats = value(token, measure);
              const glyph = app.glyph(token.id);
              const words = glyph.replaceAll('␣', ' ');
              return (
                <span key={i}>
                  {words.startsWith(' ') && ' '}
                  <span
                    role="option"
                    tabIndex={i === (at ?? 0) ? 0 : -1}
                    aria-selected={i === at}
                    aria-label={`${glyph}${Number.isFinite(nats) ? `, ${MEASURES[measure][0]} ${three(nats)}` : ''}`}
                    title={`${glyph}, id ${token.id}: p ${full(token.prob)}${token.kl === null ? '' : `, KL ${full(token.kl)}, log p ${full(changeOf(token))} against unedited`}`}
                    style={lineUnder(nats)}
                    onClick={() => choose(i === at ? null : i)}
                  >
                    {words.trimStart() || glyph}
                  </span>
                </span>
              );
            })}
          </span>
          {rest.length > 0 && (
            <span class="muted way-rest" aria-hidden="true">
              {rest.map(({ id }) => app.glyph(id).replaceAll('␣', ' ')).join('')}
            </span>
          )}
          {tokens.length === 0 && rest.length === 0 && <span class="muted">…</span>}
        </p>
      )}
    </section>
  );
}
