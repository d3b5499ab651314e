/** Path patching: what one part of the model changes through its direct path to another, chosen on a drawing. */
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { three } from '../../state/numbers';
import { INPUTS, nodeOf, nodesOf, pathDocument, patched, receiverOf, senderOf } from '../../state/patch';
import { headNamed } from '../../state/reading';
import { OPTIONS } from '../../state/view';
import { Bars } from '../../ui/Bars';
import type { BarsData } from '../../ui/data';
import { Segments } from '../../ui/Segments';
import { usePage } from '../page';
import { Picture } from '../Picture';
import { arrayOf } from '../useReading';
import { useStudy } from '../useStudy';
import { between, HeadPaths, PathsChoice } from './HeadPaths';
import { lockHead, useStory } from './at';
import { barsFrom, baseOf, cellsOf, conventions, NO_BASE, short } from './cells';
import { ModelDrawing, type Edge } from './ModelDrawing';
import { useRoom } from './Room';
import { ScaleBar } from './ScaleBar';
import { pathStory } from './stories';
import { StudyLine, StudyProgress } from '../StudyProgress';
import type { Bench } from './useBench';

const WIDEST_EDGE = 7;
const SHOWN = 14;

export const PathTab = ({ bench }: { readonly bench: Bench }) =>
  usePage().app.view.value.paths === 'heads' && between(bench.a.info.config) ? <HeadPaths bench={bench} /> : <NodePaths bench={bench} />;

function NodePaths({ bench }: { readonly bench: Bench }) {
  const { app } = usePage();
  const view = app.view.value;
  const { config } = bench.a.info;
  const node = nodeOf(view.receiver);
  const known = nodesOf(config).flat().includes(node);
  const asked = known ? view : { ...view, receiver: 'final' };
  const picked = known ? node : 'final';
  const input = INPUTS.find((name) => asked.receiver.endsWith(`.${name}`)) ?? 'k';
  const isHead = /^L/.test(picked);
  const document = pathDocument(bench.part, asked);
  const from = document['senders'] !== 'all';
  const study = useStudy(document);
  const base = baseOf(study);
  const cells = base && cellsOf(base, view);
  const values = arrayOf(study.reading, 'values');
  const labels = (study.reading?.axes[from ? 'receiver' : 'sender'] ?? []);
  const asTable = useSignal(false);
  const lit = useSignal<string | null>(null);
  const { room, ...size } = useRoom();

  const data = useMemo<BarsData>(() => {
    const rows = labels.flatMap((label, i) => {
      const value = cells ? cells.of(values[i] ?? Number.NaN) : Number.NaN;
      return Number.isNaN(value) ? [] : [{ name: label, value, says: cells && Math.abs(value - cells.neutral) >= cells.least ? short(value) : '' }];
    });
    return {
      kind: 'bars', title: from ? `Paths from ${senderOf(picked)}` : `Paths into ${asked.receiver}`, unit: cells?.words ?? 'score', conventions: conventions(base, study), ...barsFrom(cells),
      rows: rows.sort((a, b) => Math.abs(b.value - (cells?.neutral ?? 0)) - Math.abs(a.value - (cells?.neutral ?? 0))),
    };
  }, [study.reading, cells?.words, cells?.neutral, picked, from]);
  useStory(study, () =>
    pathStory({ base: base ?? NO_BASE, ...view }, from ? `from ${senderOf(picked)}` : `into ${asked.receiver}`, labels.map((name, i) => ({ name, value: values[i] ?? Number.NaN })).filter(({ value }) => !Number.isNaN(value))));
  const neutral = cells?.neutral ?? 0;
  /** Of a head that reads three ways, the way that is chosen. */
  const ofNode = (at: string) => data.rows.find(({ name }) => (from ? name === receiverOf(at, input) : name === senderOf(at)));
  const reach = Math.max(...data.rows.map(({ value }) => Math.abs(value - neutral)), 1e-9);
  const edges = data.rows
    .filter(({ name }) => !from || !name.includes('.') || name.endsWith(`.${input}`))
    .flatMap<Edge>(({ name, value }) => {
      const size = Math.abs(value - neutral);
      if (size < (cells?.least ?? 0)) return [];
      return [{ from: from ? picked : nodeOf(name), to: from ? name : asked.receiver, width: Math.max(0.75, (WIDEST_EDGE * size) / Math.max(reach, Math.abs(cells?.scale[1] ?? 1) / 4)), value: value - neutral }];
    });
  const pick = (at: string) => {
    const receiver = receiverOf(at, input) ?? 'embed';
    const head = headNamed(at);
    app.experiment.look({ receiver });
    if (head) lockHead(app, head);
  };
  const says = (at: string) => {
    const row = ofNode(at);
    return `${at}${row ? `: ${data.unit} ${three(row.value)}` : at === picked ? ': chosen' : study.state === 'done' ? ': no path' : ''}`;
  };
  const into = patched(view.direction);
  const name = 'path patching';
  return (
    <>
      {room}
      <div class="study-columns">
        <Picture
          title={from ? `From ${senderOf(picked)}` : `Into ${asked.receiver}`}
          sub={`the direct path alone, of ${into === 'B' ? 'A' : 'B'} into ${into}; heads frozen${config.attn_only ? '' : `, MLPs ${view.mlps}`}${bench.means}`}
          name={name}
          data={data}
          what={{ kind: 'read', document }}
          asTable={asTable}
          stale={study.state !== 'done'}
          failure={study.failure}
          controls={<StudyProgress study={study} name={name} />}
          compact
        >
          <StudyLine study={study} name={name} />
          <div class="study-controls">
            <PathsChoice config={config} value={from ? 'from' : 'into'} />
            {(isHead || from) && (
              <Segments
                label="Input of heads"
                value={input}
                options={INPUTS.map((i) => [i, i, `What a head’s ${{ q: 'queries', k: 'keys', v: 'values' }[i]} read`])}
                onPick={(i) => app.experiment.look({ receiver: isHead ? `${picked}.${i}` : asked.receiver })}
              />
            )}
            {!config.attn_only && (
              <Segments
                label="MLPs on the way"
                value={view.mlps}
                options={OPTIONS.mlps.map((m) => [m, `MLPs ${m}`, m === 'frozen' ? 'The path is the stream alone' : 'MLPs between both pass the change on, as in the paper'])}
                onPick={(mlps) => app.experiment.look({ mlps })}
              />
            )}
          </div>
          {!asTable.value && (
            <ModelDrawing
              config={config}
              label={`The model, ${data.title}`}
              valueOf={(at) => (at === picked ? null : (ofNode(at)?.value ?? null))}
              scale={cells?.scale ?? [-1, 1]}
              says={says}
              edges={edges}
              means={[`raises the ${data.unit}`, 'lowers it', `how much, through that path alone`]}
              picked={picked}
              lit={lit.value}
              widthPx={Math.max(300, Math.min(840, size.width - (size.narrow ? 0 : 320)))}
              heightPx={Math.max(260, size.height - 200)}
              onPick={pick}
              onHover={(at) => {
                lit.value = at;
                const head = at && headNamed(at);
                app.selection.preview(head ? { head } : null);
              }}
            />
          )}
          {asTable.value && <Bars data={data} lit={null} asTable />}
        </Picture>
        {!asTable.value && (
          <section class="study-side" aria-label="The largest paths">
            <h2 class="title">
              Largest <small>{Math.min(SHOWN, data.rows.length)} of {data.rows.length}</small>
            </h2>
            <Bars
              data={{ ...data, rows: data.rows.slice(0, SHOWN) }}
              lit={data.rows.slice(0, SHOWN).findIndex((row) => nodeOf(row.name) === lit.value)}
              asTable={false}
              onHover={(row) => (lit.value = row === null ? null : nodeOf(data.rows[row]?.name ?? ''))}
              onPick={(row) => pick(nodeOf(data.rows[row]?.name ?? 'final'))}
            />
            {base && study.state === 'done' && data.rows.length === 0 && <p class="muted">Nothing is written before it: choose a later node.</p>}
            <p class="sub">Press a node, or a row, to look at its paths.</p>
          </section>
        )}
      </div>
      {base && cells && <ScaleBar base={base} cells={cells} gutter={0} />}
    </>
  );
}
