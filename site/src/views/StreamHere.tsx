/** The stream at one position, depth by depth: a door to each vector. */
import { full, norm, three } from '../state/numbers';
import { depths, vectorAt } from '../state/reading';
import type { Shown } from '../state/run';
import { Bar } from '../ui/Bar';
import { Tok } from '../ui/Tok';
import { usePage } from './page';

export function StreamHere({ shown, dest }: { readonly shown: Shown; readonly dest: number }) {
  const { app } = usePage();
  const points = depths(shown);
  const lengths = points.map((_, d) => norm(vectorAt(shown, shown.now, d, dest) ?? new Float32Array(0)));
  const read = app.lens.value?.of === shown ? app.lens.value : null;
  return (
    <section>
      <h3>
        The stream at this token <span title="||resid||_2, f32; the word is the likeliest token if the model stopped there">length, word</span>
      </h3>
      <table class="bars">
        <tbody>
          {points.map((point, d) => (
            <tr key={point.name}>
              <th scope="row">
                <button
                  type="button"
                  class="inline"
                  title={`See the vector: ${point.hook}`}
                  onClick={() => app.selection.toggleVector(dest, d)}
                >
                  {point.name}
                </button>
              </th>
              <td class="bar-cell">
                <Bar value={lengths[d] ?? 0} full={Math.max(...lengths)} />
              </td>
              <td class="num" title={`||resid||_2: ${full(lengths[d] ?? 0)}`}>
                {three(lengths[d] ?? 0)}
              </td>
              <td class="num word">{read && <Tok text={app.glyph(read.ids[dest * points.length + d] ?? 0)} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
