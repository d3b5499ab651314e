/** Text that the model continues, token by token, with the edits in force; beside each token what the model said
 *  of it, and how far the edits moved it. */
import { useSignal } from '@preact/signals';
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import type { EngineFailure, GeneratedToken, GenerateRequest } from '../../engine/types';
import { asFailure } from '../../state/failure';
import { full, three } from '../../state/numbers';
import { glyphs } from '../../state/reading';
import type { Shown } from '../../state/run';
import { SAMPLER_RANGES, type Sampler } from '../../state/view';
import { colorOf, inkOn } from '../../gl/palette';
import { scaleOf, type MatrixData } from '../../ui/data';
import { HeatmapBar } from '../../ui/HeatmapBar';
import { HeatmapTable } from '../../ui/HeatmapTable';
import { Segments } from '../../ui/Segments';
import { Tok } from '../../ui/Tok';
import { usePage } from '../page';
import { Picture } from '../Picture';
import './GenerateTab.css';

const WORDS: Readonly<Record<keyof Sampler, readonly [word: string, means: string]>> = {
  max_new: ['tokens', 'How many at most'],
  temperature: ['temperature', 'Logits are divided by it; 0 always takes the likeliest'],
  top_k: ['top-k', 'Only the k likeliest; 0 is off'],
  top_p: ['top-p', 'Only the fewest likeliest that hold this probability together; 1 is off'],
  frequency_penalty: ['frequency penalty', 'Taken off a token’s logit for each time it stands in the text'],
  repetition_penalty: ['repetition penalty', 'Divides the logits of tokens that stand in the text; 1 is off'],
  seed: ['seed', 'The same seed and settings give the same text'],
};

/** What a generated token is measured by. */
const MEASURES = {
  prob: ['probability', 'p of the token under the model’s softmax, edits in force, before temperature and cuts'],
  entropy: ['entropy', 'entropy of that softmax, nats'],
  kl: ['KL to unedited', 'KL(this softmax || that of the same tokens without the edits), nats'],
  drawn: ['drawn with', 'its probability after temperature, penalties, top-k and top-p'],
  log_prob: ['log p', 'natural logarithm of p, nats'],
  twin_log_prob: ['log p unedited', 'log-probability of the same token without the edits, nats'],
} as const;
type Measure = keyof typeof MEASURES;
const COLOURS = ['prob', 'entropy', 'kl'] as const;

interface Made {
  /** The prompt that was continued, and by which model. */
  readonly text: string;
  readonly model: Shown['info'];
  readonly request: GenerateRequest;
  readonly tokens: readonly GeneratedToken[];
  readonly end: string | null;
  readonly failure: EngineFailure | null;
}

const ENDS: Readonly<Record<string, string>> = { max_new: 'all the tokens asked for', stop: 'the model ended the text', context: 'the context is full' };

export function GenerateTab({ shown }: { readonly shown: Shown }) {
  const { app, renderer, theme } = usePage();
  const { experiment } = app;
  const { sampler } = experiment.current.value;
  const asTable = useSignal(false);
  const [made, setMade] = useState<Made | null>(null);
  const [busy, setBusy] = useState(false);
  const [colour, setColour] = useState<(typeof COLOURS)[number]>('prob');
  const [at, setAt] = useState<number | null>(null);
  const running = useRef<AbortController | null>(null);
  const id = useId();

  const [first] = shown.tokenized.tokens;
  const request: GenerateRequest = {
    ...shown.now.part, ids: [...shown.tokenized.ids], ...sampler, ...(first?.special && { stop: [first.id] }), ...(shown.edits.length > 0 && { twin: true }), k: 5,
  };
  const outdated = made !== null && (made.model !== shown.info || JSON.stringify(request) !== JSON.stringify(made.request));
  useEffect(() => () => running.current?.abort(), []);

  async function generate() {
    running.current?.abort();
    const stop = new AbortController();
    running.current = stop;
    setBusy(true);
    setAt(null);
    const tokens: GeneratedToken[] = [];
    const show = (more: Partial<Made> = {}) => running.current === stop && setMade({ text: shown.text, model: shown.info, request, tokens: [...tokens], end: null, failure: null, ...more });
    show();
    try {
      const answer = await app.engine.value?.generate(request, {
        signal: stop.signal,
        onToken: (token) => {
          tokens.push(token);
          show();
        },
      });
      show({ end: answer?.end ?? null });
    } catch (thrown) {
      show(stop.signal.aborted ? { end: 'stopped' } : { failure: asFailure(thrown) });
    }
    if (running.current === stop) setBusy(false);
  }

  const tokens = made?.tokens ?? [];
  const value = (token: GeneratedToken, measure: Measure) => token[measure] ?? Number.NaN;
  const twin = tokens.some(({ kl }) => kl !== null);
  const columns = (Object.keys(MEASURES) as Measure[]).filter((measure) => twin || (measure !== 'kl' && measure !== 'twin_log_prob'));
  const painted = colour === 'kl' && !twin ? 'prob' : colour;
  const scale = painted === 'prob' ? ([0, 1] as const) : scaleOf(tokens.map((token) => value(token, painted)), false);
  const data = useMemo<MatrixData | null>(() => {
    if (!made || tokens.length === 0) return null;
    const values = Float32Array.from(tokens.flatMap((token) => columns.map((measure) => value(token, measure))));
    const from = made.request.ids.length;
    return {
      kind: 'matrix', title: 'Generated text', values, rows: tokens.length, cols: columns.length,
      conventions: [
        ...columns.map((measure) => `${MEASURES[measure][0]}: ${MEASURES[measure][1]}`),
        `seed ${made.request.seed}, temperature ${made.request.temperature}; edits act at prompt and generated positions`,
      ],
      rowLabels: tokens.map((token, i) => ({ text: app.glyph(token.id), note: `(${from + i})` })),
      colLabels: columns.map((measure) => ({ text: MEASURES[measure][0] })),
      palette: 'cividis', scale: [0, 1], scaleLabel: 'value',
    };
  }, [made, app.vocabulary.value]);
  const chosen = at === null ? null : (tokens[at] ?? null);

  const walk = (event: KeyboardEvent) => {
    const here = at ?? tokens.length - 1;
    const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: tokens.length - 1 }[event.key];
    if (to === undefined || tokens.length === 0) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(tokens.length - 1, to));
    setAt(next);
    (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('.tok')[next]?.focus();
  };
  const text = () => tokens.map(({ id: token }) => app.vocabulary.value[token]).filter((token) => token && !token.special).map((token) => token?.text).join('');
  return (
    <Picture
      title="Generate"
      sub={made && (busy ? `${tokens.length} of ${made.request.max_new}` : made.end === 'stopped' ? `stopped after ${tokens.length}` : made.end && `${tokens.length} tokens: ${ENDS[made.end] ?? made.end}`)}
      name="the generated text"
      data={data}
      what={made && made.tokens.length > 0 ? { kind: 'generate', document: { ...made.request, forced: made.tokens.map((token) => token.id) } } : null}
      asTable={asTable}
      stale={outdated && !busy}
      failure={outdated ? null : (made?.failure ?? null)}
    >
      <form
        class="sampler"
        onSubmit={(event) => {
          event.preventDefault();
          void generate();
        }}
      >
        {(Object.keys(WORDS) as (keyof Sampler)[]).map((name) => {
          const [, least, most] = SAMPLER_RANGES[name];
          const whole = Number.isInteger(least) && name !== 'temperature' && name !== 'frequency_penalty' && name !== 'top_p';
          return (
            <label key={name} class="pick" for={`${id}-${name}`} title={WORDS[name][1]}>
              {WORDS[name][0]}
              <input
                id={`${id}-${name}`}
                type="number"
                required
                min={least}
                max={most}
                step={whole ? 1 : 'any'}
                value={sampler[name]}
                onInput={(event) => {
                  const { valueAsNumber, validity } = event.currentTarget;
                  if (validity.valid) experiment.set({ sampler: { ...sampler, [name]: valueAsNumber } }, `sampler ${name}`);
                }}
              />
            </label>
          );
        })}
        <span class="sampler-go">
          <button type="submit" class="button ink">
            Generate
          </button>
          {busy && (
            <button type="button" class="button" onClick={() => running.current?.abort()}>
              Stop
            </button>
          )}
          {!busy && tokens.length > 0 && (
            <button type="button" class="button" title="Prompt A becomes its text with this continuation" onClick={() => experiment.set({ text: (made?.text ?? shown.text) + text() })}>
              Use as prompt
            </button>
          )}
        </span>
      </form>
      {outdated && !busy && <p class="muted">The prompt, the edits or the settings have changed since: generate again.</p>}
      {tokens.length > 0 && data && (
        <>
          <div class="generated-bar">
            <Segments
              label="Colour"
              value={painted}
              options={COLOURS.filter((c) => c !== 'kl' || twin).map((c) => [c, MEASURES[c][0], MEASURES[c][1]])}
              onPick={setColour}
            />
            <HeatmapBar renderer={renderer} theme={theme.value} palette="cividis" scale={scale} label={MEASURES[painted][0]} ticks={[scale[0], scale[1]]} width={128} />
          </div>
          {asTable.value ? (
            <HeatmapTable shown={data} label="Generated text" rowLabels={data.rowLabels} colLabels={data.colLabels} locked={{ value: at === null ? null : { row: at, col: null } } as never} />
          ) : (
            <div class="generated" role="listbox" aria-label="Generated tokens" aria-orientation="horizontal" onKeyDown={walk}>
              <span class="muted">{made?.text.slice(-80)}</span>
              {tokens.map((token, i) => {
                const rgb = colorOf(value(token, painted), scale, 'cividis', theme.value);
                return (
                  <button
                    type="button"
                    role="option"
                    class="tok"
                    key={i}
                    tabIndex={i === (at ?? tokens.length - 1) ? 0 : -1}
                    aria-selected={i === at}
                    aria-label={`${app.glyph(token.id)}, ${MEASURES[painted][0]} ${three(value(token, painted))}`}
                    title={`id ${token.id}: ${columns.map((m) => `${MEASURES[m][0]} ${full(value(token, m))}`).join(', ')}`}
                    style={{ background: `rgb(${rgb.join()})`, color: inkOn(rgb) === 'dark' ? '#000' : '#fff' }}
                    onClick={() => setAt(i === at ? null : i)}
                  >
                    {app.glyph(token.id)}
                  </button>
                );
              })}
            </div>
          )}
          {chosen && (
            <div class="columns" aria-live="polite">
              <dl class="numbers">
                {columns.map((measure) => (
                  <div key={measure} title={MEASURES[measure][1]}>
                    <dt>{MEASURES[measure][0]}</dt>
                    <dd title={full(value(chosen, measure))}>{three(value(chosen, measure))}</dd>
                  </div>
                ))}
              </dl>
              <table class="bars">
                <caption class="muted">what else could have come</caption>
                <tbody>
                  {chosen.top_ids.map((token, i) => (
                    <tr key={token}>
                      <th scope="row">
                        <Tok text={app.glyph(token)} />
                      </th>
                      <td class="num" title={full(chosen.top_probs[i] ?? Number.NaN)}>
                        {three(chosen.top_probs[i] ?? Number.NaN)}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </>
      )}
      {!made && (
        <p class="muted">
          The model continues prompt {app.view.value.side === 'b' ? 'B' : 'A'} after {first && glyphs(shown.tokenized.tokens.at(-1) ?? first)}
          {shown.edits.length > 0 ? ', with the interventions in force at every token; each is compared with the model without them.' : '. Interventions in force act at every new token, too.'}
        </p>
      )}
    </Picture>
  );
}
