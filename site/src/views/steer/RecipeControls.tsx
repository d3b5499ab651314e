/** How the direction is made, where it is added and how: every control of a recipe. */
import { useId, useRef, useState } from 'preact/hooks';
import type { Reading } from '../../engine/types';
import type { App } from '../../state/app';
import { topIndices } from '../../state/numbers';
import type { Shown } from '../../state/run';
import { hookName, METHODS, OPERATORS, OV_SIDES, PLACES, streamHooks, vectorRequest, WHERE, type Steer, type VectorRecipe } from '../../state/steer';
import { TokenInput } from '../tabs/TokenInput';
import { usePage } from '../page';
import { plainPairs, readyFor, wordsOf } from './ready';
import { fitting, round, type Change } from './useSteering';

const KINDS = {
  contrast: 'pairs of texts',
  token: 'a token’s',
  neuron: 'what a neuron writes',
  ov: 'a head’s OV, singular',
  activation: 'the stream of a text',
} as const;
type Kind = keyof typeof KINDS;

const OPS: Readonly<Record<Steer['op'], readonly [word: string, means: string]>> = {
  add: ['added', 'x + strength · v'],
  project_out: ['taken out', 'strength times the part of x along v is removed: at 1 all of it'],
  cap: ['capped', 'the part of x along v, made unit length, is at most the strength'],
  clamp: ['set', 'the part of x along v, made unit length, is the strength'],
  ablate_add: ['in its place', 'the part of x along v is removed, then strength · v is added'],
};
const WHERE_WORDS: Readonly<Record<Steer['where'], string>> = { all: 'every token', rest: 'all but the first', last: 'from the last token on' };
const METHOD_WORDS: Readonly<Record<(typeof METHODS)[number], readonly [string, string]>> = {
  mean: ['difference of means', 'mean of the first list less mean of the second (CAA)'],
  pca: ['principal direction', 'the first principal direction of the pairs’ differences, as long as their mean along it'],
  actadd: ['at the front', 'the pairs’ mean difference position by position, for the first tokens of a text alone (ActAdd); texts of one length'],
};
const PLACE_WORDS = { last: 'last token', mean: 'mean over all but the first' } as const;

const kindOf = (recipe: VectorRecipe): Kind => (Object.keys(KINDS) as Kind[]).find((kind) => kind in recipe) ?? 'contrast';

/** Among so many of the likeliest tokens one is no special one. */
const LIKELY = 8;

function firstOf(kind: Kind, steer: Steer, app: App, shown: Shown): VectorRecipe {
  const { head, neuron } = app.selection.resting.peek();
  const { hook } = steer;
  if (kind === 'token') {
    // The word that is likeliest to come; while that is not there, the last of the prompt.
    const { ids } = shown.tokenized;
    const likely = topIndices(shown.now.logits(ids.length - 1) ?? [], LIKELY).find((id) => !app.vocabulary.peek()[id]?.special);
    return { token: likely ?? ids.at(-1) ?? 0 };
  }
  if (kind === 'neuron') return { neuron: [neuron?.layer ?? 0, neuron?.neuron ?? 0] };
  if (kind === 'ov') return { ov: [head?.layer ?? 0, head?.head ?? 0], k: 0, side: 'write' };
  if (kind === 'activation') return { activation: shown.text, hook, position: -1 };
  return plainPairs(hook);
}

interface SelectProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly of: readonly (readonly [T, string, string?])[];
  readonly hidden?: boolean;
  readonly onPick: (value: T) => void;
}

/** A choice with its words before it. */
export function Select<T extends string>({ label, value, of, hidden = false, onPick }: SelectProps<T>) {
  const id = useId();
  return (
    <span class="pick">
      <label for={id} class={hidden ? 'unseen' : undefined}>
        {label}
      </label>{' '}
      <select id={id} value={value} title={of.find(([option]) => option === value)?.[2]} onChange={(event) => onPick(event.currentTarget.value as T)}>
        {of.map(([option, word]) => (
          <option key={option} value={option}>
            {word}
          </option>
        ))}
      </select>
    </span>
  );
}

interface WholeProps {
  readonly label: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly onPick: (value: number) => void;
}

function Whole({ label, value, least, most, onPick }: WholeProps) {
  return (
    <label class="pick">
      {label}{' '}
      <input
        type="number"
        required
        min={least}
        max={most}
        value={value}
        onInput={(event) => event.currentTarget.validity.valid && onPick(event.currentTarget.valueAsNumber)}
      />
    </label>
  );
}

/** A strength and a range that an operator is felt at, by a vector's reading. */
export function startOf(op: Steer['op'], reading: Reading | null): Pick<Steer, 'range' | 'strength'> | null {
  const { ratio, stream_norm: length } = reading?.values ?? {};
  if (op === 'project_out') return { strength: 1, range: 2 };
  return op === 'cap' || op === 'clamp' ? length == null ? null : { strength: 0, range: round(length) } : fitting(ratio);
}

interface Props {
  readonly steer: Steer;
  readonly change: Change;
  readonly shown: Shown;
}

/** On the line of the tabs: which direction, where and how; `open`: the recipe's own fields. */
export function RecipeLine({ steer, change, shown, open }: Props & { readonly open: () => void }) {
  const { app } = usePage();
  const { recipe, hook, op, where } = steer;
  const { config } = shown.info;
  const ready = readyFor(shown.info.id);
  const same = ready.findIndex((one) => JSON.stringify(one.steer.recipe) === JSON.stringify(recipe));
  const kinds = (Object.keys(KINDS) as Kind[]).filter((kind) => (kind === 'neuron' ? !config.attn_only : kind !== 'ov' || config.n_layers > 0));
  // How strong is strong depends on how long the new vector is: that comes later, unless something newer has been said by then.
  const fits = useRef(0);
  const [busy, setBusy] = useState(false);
  const fit = async (next: Partial<Steer>) => {
    const mine = ++fits.current;
    const as = `steer fit ${mine}`;
    const asked = { ...steer, ...next };
    const tokenize = async (text: string) => (await app.engine.value?.tokenize(text))?.ids ?? [];
    change(next, as);
    setBusy(true);
    const reading = await vectorRequest(asked, shown.tokenized.ids, tokenize).then(app.readings.ask).catch(() => null);
    if (mine !== fits.current) return;
    setBusy(false);
    const now = app.experiment.current.peek().steer;
    const start = startOf(asked.op, reading);
    if (start && now && kindOf(now.recipe) === kindOf(asked.recipe) && now.op === asked.op && now.strength === asked.strength && now.range === asked.range) change(start, as);
  };
  const front = 'contrast' in recipe && recipe.method === 'actadd';
  const actsAt = [...new Set([hook, ...streamHooks(config)])];
  return (
    <>
      <span class="unseen" aria-busy={busy} />
      <Select
        label="direction"
        value={same >= 0 ? `ready ${same}` : kindOf(recipe)}
        of={[...ready.map(({ name, about }, i) => [`ready ${i}`, `ready, ${name}`, about] as const), ...kinds.map((kind) => [kind, KINDS[kind]] as const)]}
        onPick={(picked) => {
          const found = ready[Number(/^ready (\d+)$/.exec(picked)?.[1] ?? -1)];
          if (picked === 'token') open();
          const recipe = found?.steer.recipe ?? firstOf(picked as Kind, steer, app, shown);
          const words = wordsOf(shown.info.id, steer, recipe);
          if (found) change({ ...found.steer, force: steer.force, ...words });
          else void fit({ recipe, op: 'add', where: 'all', effect: null, ...words });
        }}
      />
      <Select label="is" value={op} of={OPERATORS.map((name) => [name, ...OPS[name]] as const)} onPick={(op) => void fit({ op })} />
      <Select
        label="at"
        value={hook}
        of={actsAt.map((name) => [name, hookName(name)] as const)}
        // What is read where it acts goes on being read there.
        onPick={(picked) => change({ hook: picked, ...('hook' in recipe && recipe.hook === hook && { recipe: { ...recipe, hook: picked } }) })}
      />
      {!front && <Select label="on" value={where} of={WHERE.map((name) => [name, WHERE_WORDS[name]] as const)} onPick={(picked) => change({ where: picked })} />}
    </>
  );
}

const lines = (texts: readonly string[]) => texts.join('\n');

function Lists({ steer, change }: Omit<Props, 'shown'>) {
  const { recipe } = steer;
  const id = useId();
  if (!('contrast' in recipe)) return null;
  const { positive, negative } = recipe.contrast;
  const list = (name: 'positive' | 'negative', words: string, who: string) => (
    <div class="steer-list">
      <label for={`${id}-${name}`}>
        <span class={who === 'A' ? 'who' : 'who of-b'} aria-hidden="true">
          {who}
        </span>{' '}
        {words}, one text a line
      </label>
      <textarea
        id={`${id}-${name}`}
        rows={Math.min(10, Math.max(3, positive.length, negative.length))}
        spellcheck={false}
        wrap="off"
        value={lines(recipe.contrast[name])}
        onInput={(event) =>
          change({ recipe: { ...recipe, contrast: { ...recipe.contrast, [name]: event.currentTarget.value.split('\n').slice(0, 64).map((text) => text.slice(0, 2000)) } } }, `steer ${name}`)
        }
      />
    </div>
  );
  return (
    <div class="steer-lists">
      {list('positive', 'Towards', 'A')}
      {list('negative', 'Away from', 'B')}
    </div>
  );
}

/** What the recipe has of its own. */
export function RecipeFields({ steer, change, shown }: Props) {
  const { recipe } = steer;
  const { config } = shown.info;
  const put = (part: Partial<VectorRecipe>, as?: string) => change({ recipe: { ...recipe, ...part } as VectorRecipe }, as);
  const layers = Array.from({ length: config.n_layers }, (_, l) => [String(l), `L${l}`] as const);
  const hooks = streamHooks(config).map((name) => [name, hookName(name)] as const);
  if ('contrast' in recipe)
    return (
      <>
        <div class="steer-line">
          <Select label="by" value={recipe.method} of={METHODS.map((name) => [name, ...METHOD_WORDS[name]] as const)} onPick={(method) => put({ method })} />
          {recipe.method !== 'actadd' && (
            <Select label="of the" value={recipe.position} of={PLACES.map((name) => [name, PLACE_WORDS[name]] as const)} onPick={(position) => put({ position })} />
          )}
          <Select label="read at" value={recipe.hook} of={hooks} onPick={(hook) => put({ hook })} />
        </div>
        <Lists steer={steer} change={change} />
      </>
    );
  if ('token' in recipe)
    return (
      <div class="steer-line pick">
        <TokenInput label="Token" value={recipe.token} onPick={(token) => put({ token })} />
        {recipe.minus === undefined ? (
          <button type="button" class="link" onClick={() => put({ minus: recipe.token })}>
            less another
          </button>
        ) : (
          <>
            − <TokenInput label="Less token" value={recipe.minus} onPick={(minus) => put({ minus })} />
          </>
        )}
        <span>column of W_U</span>
      </div>
    );
  if ('neuron' in recipe)
    return (
      <div class="steer-line">
        <Select label="layer" value={String(recipe.neuron[0])} of={layers} onPick={(layer) => put({ neuron: [Number(layer), recipe.neuron[1]] })} />
        <Whole label="neuron" value={recipe.neuron[1]} least={0} most={config.d_mlp - 1} onPick={(n) => put({ neuron: [recipe.neuron[0], n] }, 'steer neuron')} />
        <span class="pick">row of W_out</span>
      </div>
    );
  if ('ov' in recipe) {
    const [layer, head] = recipe.ov;
    return (
      <div class="steer-line">
        <Select label="layer" value={String(layer)} of={layers} onPick={(picked) => put({ ov: [Number(picked), head] })} />
        <Whole label="head" value={head} least={0} most={config.n_heads - 1} onPick={(picked) => put({ ov: [layer, picked] }, 'steer head')} />
        <Whole label="singular direction" value={recipe.k} least={0} most={config.d_head - 1} onPick={(k) => put({ k }, 'steer k')} />
        <Select
          label="which it"
          value={recipe.side}
          of={OV_SIDES.map((side) => [side, side === 'write' ? 'writes' : 'reads'] as const)}
          onPick={(side) => put({ side })}
        />
      </div>
    );
  }
  return (
    <div class="steer-line">
      <label class="pick steer-wide">
        text <input value={recipe.activation} spellcheck={false} maxLength={2000} onInput={(event) => put({ activation: event.currentTarget.value }, 'steer text')} />
      </label>
      <Select label="read at" value={recipe.hook} of={hooks} onPick={(hook) => put({ hook })} />
      <Whole label="position" value={recipe.position} least={-256} most={255} onPick={(position) => put({ position }, 'steer position')} />
    </div>
  );
}
