/** One neuron: what it does at this token, what it looks for and what it adds. */
import { full, three } from '../state/numbers';
import { label } from '../state/reading';
import type { Shown } from '../state/run';
import type { NeuronId } from '../state/selection';
import { Bars } from '../ui/Bars';
import { Tok } from '../ui/Tok';
import { usePage } from './page';
import { arrayOf, useReading } from './useReading';

const TOKENS = 5;

interface Props {
  readonly shown: Shown;
  readonly neuron: NeuronId;
  readonly dest: number;
}

export function NeuronDetails({ shown, neuron, dest }: Props) {
  const { app } = usePage();
  const { reading, stale } = useReading({ read: 'neuron', ...shown.now.part, ...neuron });
  const ends = useReading({ read: 'directions', ...neuron, k: TOKENS });
  const token = shown.tokenized.tokens[dest];
  const number = (name: string, word: string) => {
    const value = arrayOf(reading, name)[dest] ?? Number.NaN;
    return (
      <div title={reading?.conventions[name]}>
        <dt>{word}</dt>
        <dd title={full(value)}>{three(value)}</dd>
      </div>
    );
  };
  const tokens = (title: string, name: 'read' | 'write') => (
    <section data-stale={ends.stale} title={ends.reading?.conventions[name]}>
      <h3>{title}</h3>
      <Bars
        data={{
          kind: 'bars', title, conventions: [], unit: 'along', tokens: true,
          rows: Array.from(arrayOf(ends.reading, `${name}_ids`), (id, i) => ({ name: app.glyph(id), value: arrayOf(ends.reading, `${name}_values`)[i] ?? Number.NaN })),
        }}
        lit={null}
        asTable={false}
      />
    </section>
  );
  return (
    <>
      <header>
        <h2>
          L{neuron.layer} N{neuron.neuron} <small>neuron</small>
        </h2>
        <p class="lit">{token && <Tok text={label(token, dest)} />}</p>
      </header>
      <dl class="numbers" data-stale={stale}>
        {number('pre', 'before the activation')}
        {number('post', 'after it')}
      </dl>
      {tokens('Looks for', 'read')}
      {tokens('Adds to the logits of', 'write')}
    </>
  );
}
