/** A direction of the stream, chosen: of tokens, of a neuron, of another state, of what a head writes. */
import { useId } from 'preact/hooks';
import type { App } from '../../state/app';
import { headName, label, stateName, states } from '../../state/reading';
import type { Shown } from '../../state/run';
import type { Direction } from '../../state/view';
import { usePage } from '../page';
import { guessesAt } from './target';
import { TokenInput } from './TokenInput';

const KINDS = {
  token: 'a token’s',
  minus: 'a token less another',
  neuron: 'what a neuron writes',
  neuron_in: 'what a neuron reads',
  state: 'another state',
  head: 'what a head writes',
} as const;
type Kind = keyof typeof KINDS;

const kindOf = (along: Direction): Kind => ('minus' in along ? 'minus' : (Object.keys(KINDS) as Kind[]).find((kind) => kind in along)) ?? 'token';

function beginning(kind: Kind, app: App, shown: Shown): Direction {
  const { head, dest, depth, neuron } = app.selection.resting.peek();
  const position = dest ?? 0;
  const [token = 0, minus = 0] = guessesAt(shown.now, position, 2);
  const { layer, neuron: number } = neuron ?? { layer: 0, neuron: 0 };
  const labels = states(shown.info.config);
  if (kind === 'state') return { state: labels[depth ?? labels.length - 1] ?? 'final_post', position };
  if (kind === 'head') return { head: [head?.layer ?? 0, head?.head ?? 0], position };
  if (kind === 'neuron') return { neuron: [layer, number] };
  if (kind === 'neuron_in') return { neuron_in: [layer, number] };
  return kind === 'minus' ? { token, minus } : { token };
}

/** Whether this model and text have it. */
function fits(along: Direction, { info: { config }, tokenized }: Shown): boolean {
  const heads = 'head' in along && (along.head[0] >= config.n_layers || along.head[1] >= config.n_heads);
  const pair = 'neuron' in along ? along.neuron : 'neuron_in' in along ? along.neuron_in : null;
  const neurons = pair !== null && (config.attn_only || pair[0] >= config.n_layers || pair[1] >= config.d_mlp);
  const tokens = 'token' in along && Math.max(along.token, along.minus ?? 0) >= config.d_vocab_out;
  const place = 'position' in along && along.position >= tokenized.ids.length;
  const state = 'state' in along && !states(config).includes(along.state);
  return !(heads || neurons || tokens || place || state);
}

/** The direction that the view has; where it has none that fits, the likeliest token's. */
export function useDirection(shown: Shown): Direction {
  const { app } = usePage();
  const { along } = app.view.value;
  return along && fits(along, shown) ? along : beginning('token', app, shown);
}

export function directionName(along: Direction, { info, tokenized }: Shown, app: App): string {
  if ('token' in along) return ` on ${app.glyph(along.token)}${along.minus === undefined ? '' : ` − ${app.glyph(along.minus)}`}`;
  if ('neuron' in along) return ` on what L${along.neuron[0]} N${along.neuron[1]} writes`;
  if ('neuron_in' in along) return ` on what L${along.neuron_in[0]} N${along.neuron_in[1]} reads`;
  const token = tokenized.tokens[along.position];
  const what = 'state' in along ? stateName(along.state, info.config) : headName({ layer: along.head[0], head: along.head[1] });
  return ` on ${what} at ${token ? label(token, along.position) : along.position}`;
}

interface ChoiceProps {
  readonly called: string;
  readonly value: string;
  readonly of: readonly (readonly [value: string, word: string])[];
  readonly onPick: (value: string) => void;
}

function Choice({ called, value, of, onPick }: ChoiceProps) {
  return (
    <select aria-label={called} value={value} onChange={(event) => onPick(event.currentTarget.value)}>
      {of.map(([key, word]) => (
        <option key={key} value={key}>
          {word}
        </option>
      ))}
    </select>
  );
}

const numbers = (n: number, word = (i: number) => String(i)): [string, string][] => Array.from({ length: n }, (_, i) => [String(i), word(i)]);

export function Along({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const id = useId();
  const { config } = shown.info;
  const { tokens } = shown.tokenized;
  const along = useDirection(shown);
  const put = (next: Direction) => app.experiment.look({ along: next });
  const kind = kindOf(along);
  const has = (option: Kind) => (option.startsWith('neuron') ? !config.attn_only : option !== 'head' || config.n_layers > 0);
  const { dest, depth } = app.selection.lock.value;
  const place = (position: number, of: (position: number) => Direction) => (
    <>
      {' at '}
      <Choice called="Position" value={String(position)} of={tokens.map((token, i) => [String(i), label(token, i)])} onPick={(picked) => put(of(Number(picked)))} />
    </>
  );
  const neuron = (at: readonly [number, number], of: (at: [number, number]) => Direction) => (
    <>
      {' L'}
      <Choice called="Layer" value={String(at[0])} of={numbers(config.n_layers)} onPick={(picked) => put(of([Number(picked), at[1]]))} />
      {' N'}
      <input
        type="number"
        aria-label="Neuron"
        min={0}
        max={config.d_mlp - 1}
        value={at[1]}
        onInput={(event) => {
          const number = event.currentTarget.valueAsNumber;
          if (Number.isInteger(number) && number >= 0 && number < config.d_mlp) put(of([at[0], number]));
        }}
      />
    </>
  );
  return (
    <span class="pick">
      <label for={id}>along </label>
      <select id={id} value={kind} onChange={(event) => put(beginning(event.currentTarget.value as Kind, app, shown))}>
        {(Object.keys(KINDS) as Kind[]).filter(has).map((option) => (
          <option key={option} value={option}>
            {KINDS[option]}
          </option>
        ))}
      </select>
      {'token' in along && [
        ' ',
        <TokenInput key="token" label="Token" value={along.token} onPick={(token) => put({ ...along, token })} />,
        along.minus !== undefined && ' − ',
        along.minus !== undefined && <TokenInput key="minus" label="Less token" value={along.minus} onPick={(minus) => put({ ...along, minus })} />,
      ]}
      {'neuron' in along && neuron(along.neuron, (at) => ({ neuron: at }))}
      {'neuron_in' in along && neuron(along.neuron_in, (at) => ({ neuron_in: at }))}
      {'state' in along && (
        <>
          {' '}
          <Choice
            called="State"
            value={along.state}
            of={states(config).map((state) => [state, stateName(state, config)])}
            onPick={(state) => put({ ...along, state })}
          />
          {place(along.position, (position) => ({ ...along, position }))}
        </>
      )}
      {'head' in along && (
        <>
          {' '}
          <Choice
            called="Head"
            value={String(along.head[0] * config.n_heads + along.head[1])}
            of={numbers(config.n_layers * config.n_heads, (i) => headName({ layer: Math.floor(i / config.n_heads), head: i % config.n_heads }))}
            onPick={(picked) => put({ ...along, head: [Math.floor(Number(picked) / config.n_heads), Number(picked) % config.n_heads] })}
          />
          {place(along.position, (position) => ({ ...along, position }))}
        </>
      )}
      {dest !== null && depth !== null && (
        <>
          {' '}
          <button type="button" class="link" title="The direction of the vector that is locked" onClick={() => put({ state: states(config)[depth] ?? 'final_post', position: dest })}>
            this cell’s
          </button>
        </>
      )}
    </span>
  );
}
