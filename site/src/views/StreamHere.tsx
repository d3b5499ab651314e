/** The stream at one position, state by state: a door to each vector. */
import { full, three } from '../state/numbers';
import { stateHook, stateName, states } from '../state/reading';
import type { Shown } from '../state/run';
import { Bar } from '../ui/Bar';
import { Tok } from '../ui/Tok';
import { usePage } from './page';
import { arrayOf, useReading } from './useReading';

export function StreamHere({ shown, dest }: { readonly shown: Shown; readonly dest: number }) {
  const { app } = usePage();
  const { config } = shown.info;
  const labels = states(config);
  const lengths = arrayOf(useReading({ read: 'states', ...shown.now.part, positions: [dest] }).reading, 'norm');
  const words = arrayOf(useReading({ read: 'lens', ...shown.now.part, positions: [dest], k: 1 }).reading, 'top_ids');
  return (
    <section>
      <h3>
        The stream at this token <span title="||resid||_2, f32; the word is the likeliest token if the model stopped there">length, word</span>
      </h3>
      <table class="bars">
        <tbody>
          {labels.map((state, d) => (
            <tr key={state}>
              <th scope="row">
                <button type="button" class="inline" title={`See the vector: ${stateHook(state, config)}`} onClick={() => app.selection.toggleVector(dest, d)}>
                  {stateName(state, config)}
                </button>
              </th>
              <td class="bar-cell">
                <Bar value={lengths[d] ?? 0} full={Math.max(...lengths, 1e-30)} />
              </td>
              <td class="num" title={`||resid||_2: ${full(lengths[d] ?? 0)}`}>
                {three(lengths[d] ?? Number.NaN)}
              </td>
              <td class="num word">{words.length > 0 && <Tok text={app.glyph(words[d] ?? 0)} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
