/* docs/induction.md and its pictures, from the figures that induction.mjs measured. What the text claims is decided by
 * the numbers: where they say otherwise, so does it. */

import { arrow, box, dots, grid, label, line, svg } from './picture.mjs';

const KINDS = ['random', 'text'];
const CHANGES = ['key', 'query', 'value'];
const INPUTS = ['q', 'k', 'v'];
const IMAGES = 'docs/img/induction-';

const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;
const deviation = (list) => Math.sqrt(mean(list.map((x) => (x - mean(list)) ** 2)));
const nats = (x) => x.toFixed(2);
const percent = (x) => `${(100 * x).toFixed(1)} %`.replace('-0.0 %', '0.0 %');
const spread = (list) => `${nats(mean(list))} ± ${nats(deviation(list))}`;
const cellText = ({ share, low, high }) => `${percent(share)} (${percent(low)} to ${percent(high)})`;

/** What the numbers say of the textbook's path: of what is carried, more than half, or not. */
const verdict = (share) => (share > 0.5 ? 'most' : share > 0.2 ? 'a part, not most,' : 'little');

function readerOf(f) {
  const L0 = (h) => `L0H${h}`;
  const L1 = (h) => `L1H${h}`;
  const previous = L0(f.circuit.previous);
  const induction = f.circuit.induction.map(L1);
  const sets = f.receivers.filter((name) => !/^L1H/.test(name));
  /** A path's share of a list of pairs. */
  const path = (kind, change, sender, receiver, direction = 'denoise') => {
    const receivers = direction === 'denoise' ? f.receivers : sets;
    return f.patching[kind][change].paths[direction][f.senders.indexOf(sender) * receivers.length + receivers.indexOf(receiver)];
  };
  const head = (kind, change, direction, layer, h) => f.patching[kind][change].heads[direction][layer * 8 + h];
  const expected = { key: [previous, 'induction.k'], query: ['embed', 'induction.q'], value: ['embed', 'induction.v'] };
  return { previous, induction, path, head, expected };
}

/* ---- pictures ---- */

function circuitPicture(f) {
  const { previous, induction, path } = readerOf(f);
  const tokens = ['…', 'A', 'B', '…', '…', 'A'];
  const [left, step, width] = [40, 100, 64];
  const x = (i) => left + i * step;
  const middle = (i) => x(i) + width / 2;
  const share = (change, sender, input) => percent(path('random', change, sender, `induction.${input}`).share);
  return svg('The induction circuit of stories-2l: which way each part of the answer comes', 720, 330, [
    ...tokens.map((text, i) => box(x(i), 280, width, 28, text, 'token')),
    box(x(2) - 12, 190, 88, 30, previous, 'part'),
    box(x(5) - 52, 84, 168, 30, induction.join(' '), 'part'),
    box(x(5), 20, width, 28, 'B', 'token'),
    arrow([middle(1), 280], [x(2) - 12, 208], 26, 'one'),
    arrow([middle(2), 190], [x(5) - 52, 96], 30, 'one'),
    arrow([middle(2) + 20, 280], [x(5) - 34, 114], 10, 'two'),
    arrow([middle(5), 280], [middle(5), 114], 0, 'three'),
    arrow([middle(5), 84], [middle(5), 48], 0, 'three'),
    label(96, 236, 'before B', { kind: 'small' }), label(96, 250, 'stood A', { kind: 'small' }),
    label(250, 112, `k: ${share('key', previous, 'k')}`, { kind: 'head' }), label(250, 128, 'where to look', { kind: 'small' }),
    label(384, 232, `v: ${share('value', 'embed', 'v')}`, { kind: 'head' }), label(384, 248, 'what to copy', { kind: 'small' }),
    label(middle(5) + 10, 200, `q: ${share('query', 'embed', 'q')}`, { kind: 'head' }), label(middle(5) + 10, 216, 'what to look for', { kind: 'small' }),
  ]);
}

function headsPicture(f) {
  const heads = f.detected.previous[0].map((_, h) => `H${h}`);
  const numbers = (table, share) => table.map((row) => row.map((x) => ({ share: share(x), text: nats(x) })));
  const rise = (kind) => {
    const base = mean(f.ablation[kind].second);
    return { cells: f.ablation[kind].mean.map((row) => row.map((x) => ({ share: (x - base) / (f.ablation[kind].first - base), text: nats(x) }))), base };
  };
  const panels = [
    ['attention to the previous token', numbers(f.detected.previous, (x) => x)],
    ['attention to the token after the first occurrence', numbers(f.detected.induction, (x) => x)],
    ...KINDS.map((kind) => [`second half's loss with this head mean-ablated, ${kind} (${nats(rise(kind).base)} without)`, rise(kind).cells]),
  ];
  return svg('What each head looks at, and what its ablation costs', 720, 120 * panels.length, panels.flatMap(([title, cells], i) => [
    label(60, 24 + i * 118, title, { kind: 'head' }),
    grid(60, 52 + i * 118, { rows: ['L0', 'L1'], columns: heads, cells, width: 78, height: 26 }),
  ]));
}

function pathsPicture(f, kind) {
  const rows = f.senders.filter((name) => /^(embed|L0H\d)$/.test(name));
  const { path } = readerOf(f);
  const parts = CHANGES.flatMap((change, i) => {
    const top = 76 + i * 274;
    const panel = [label(64, top - 46, `${change} changed: share regained by each path`, { kind: 'head' })];
    for (const [c, input] of INPUTS.entries()) {
      const heads = Array.from({ length: 8 }, (_, h) => `L1H${h}.${input}`);
      const cells = rows.map((sender) => heads.map((receiver) => {
        const { share } = path(kind, change, sender, receiver);
        return { share: share * 2, text: Math.abs(share) >= 0.02 ? (100 * share).toFixed(0) : '' };
      }));
      const left = 64 + c * 250;
      panel.push(label(left + 120, top - 26, `${input} input of`, { anchor: 'middle' }));
      panel.push(grid(left, top, { rows: c === 0 ? rows : rows.map(() => ''), columns: heads.map((name) => name.slice(2, 4)), cells, width: 30, height: 22 }));
    }
    return panel;
  });
  return svg(`Path patching, ${kind}: from each sender to each input of each head of layer 1, percent; darkest at 50`, 820, 840, parts);
}

function spreadPicture(f) {
  const { expected } = readerOf(f);
  const range = [-0.5, 1.5];
  const [left, width] = [250, 440];
  const x = (share) => left + ((share - range[0]) / (range[1] - range[0])) * width;
  const rows = KINDS.flatMap((kind) => CHANGES.map((change) => [kind, change]));
  const bottom = 40 + rows.length * 92;
  return svg('The share that the named path regains, a dot for each pair', 720, bottom + 40, [
    ...[-0.5, 0, 0.5, 1, 1.5].flatMap((share) => [line(x(share), 20, x(share), bottom, 'guide'), label(x(share), bottom + 18, `${100 * share} %`, { anchor: 'middle' })]),
    ...rows.flatMap(([kind, change], i) => {
      const y = 100 + i * 92;
      const [sender, receiver] = expected[change];
      return [
        line(left, y, left + width, y, 'axis'), dots(left, y, width, f.patching[kind][change].each, range),
        label(10, y - 20, `${kind}, ${change} changed`), label(10, y - 4, `${sender} to ${receiver.replace('induction', 'induction heads')}`, { kind: 'small' }),
      ];
    }),
  ]);
}

/* ---- the text ---- */

const table = (head, rows) => [`| ${head.join(' | ')} |`, `|${head.map(() => '---').join('|')}|`, ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');

function ablationTable(f) {
  const rows = (kind) => Object.fromEntries(f.ablation[kind].groups.map((group) => [group.name, group]));
  const [random, text] = KINDS.map(rows);
  const controls = (kind) => f.ablation[kind].groups.filter(({ name }) => name === 'control').map(({ second }) => mean(second));
  const ranges = KINDS.map((kind) => `${nats(Math.min(...controls(kind)))} to ${nats(Math.max(...controls(kind)))}`);
  const named = (name, words) => [`${words}: ${random[name].heads.join(', ')}`, spread(random[name].second), spread(text[name].second)];
  return table(['zeroed', 'random words', 'text'], [
    ['nothing', ...KINDS.map((kind) => spread(f.ablation[kind].second))],
    named('induction', 'all induction heads'),
    named('previous', 'the previous-token head'),
    named('other heads of layer 1', 'the other heads of layer 1'),
    [`controls: every choice of ${f.circuit.induction.length} of these (${controls('random').length} choices), means`, ...ranges],
    named('other heads of layer 0', 'the other heads of layer 0'),
  ]);
}

function pathTable(f, kind) {
  const { path, previous } = readerOf(f);
  const senders = [[previous, previous], ['embed', 'the embedding'], ['rest', 'the other heads of layer 0 together'], ['all', 'all of these']];
  const receivers = ['induction.q', 'induction.k', 'induction.v', 'others', 'final'];
  const header = ['changed', 'from', 'q of the induction heads', 'k', 'v', 'q, k, v of the other heads', 'straight to the end'];
  const cell = (change, sender, receiver) => {
    const found = path(kind, change, sender, receiver);
    return Math.abs(found.share) >= 0.05 ? `**${cellText(found)}**` : percent(found.share);
  };
  return table(header, CHANGES.flatMap((change) => senders.map(([sender, words]) => [change, words, ...receivers.map((receiver) => cell(change, sender, receiver))])));
}

function page(f) {
  const { previous, induction, path, head } = readerOf(f);
  const main = Object.fromEntries(KINDS.map((kind) => [kind, path(kind, 'key', previous, 'induction.k')]));
  const noise = Object.fromEntries(KINDS.map((kind) => [kind, path(kind, 'key', previous, 'induction.k', 'noise')]));
  const above = (kind, change) => f.patching[kind][change].each.filter((share) => share > 0.5).length;
  const loss = (kind) => f.ablation[kind];
  const without = (kind, name) => mean(loss(kind).groups.find((group) => group.name === name).second);
  const holds = KINDS.every((kind) => main[kind].share > 0.5);
  const others = f.circuit.induction.length;
  const [layer0, layer1] = [f.detected.previous[0], f.detected.induction[1]];
  // Heads of layer 0 that the loss needs although they carry little of the difference.
  const needed = layer0.map((_, h) => h).filter((h) => {
    const { first, second, mean: ablated } = loss('random');
    return h !== f.circuit.previous && ablated[0][h] - mean(second) > 0.05 * (first - mean(second));
  });
  const headRow = (change) => [change, ...KINDS.flatMap((kind) => {
    const list = [[0, f.circuit.previous], ...f.circuit.induction.map((h) => [1, h])];
    return [list.map(([l, h]) => `L${l}H${h} ${percent(head(kind, change, 'denoise', l, h).share)}`).join(', ')];
  })];
  const rest = (kind) => path(kind, 'key', 'rest', 'induction.k');

  return `# The induction circuit of stories-2l, by its causes

<!-- written by models/induction.mjs: do not edit -->
${holds
    ? `**What carries the copy.** On the repeated part, ${percent(main.random.share)} of the effect (random words) and ${percent(main.text.share)} (sentences) goes from the
previous-token head ${previous} into the keys of the induction heads ${induction.join(', ')}: ${verdict(main.random.share)} of it. Into their queries and values the same head
carries next to nothing. The circuit is the textbook's.`
    : `**The circuit is not the textbook's.** From the previous-token head ${previous} into the keys of the induction heads ${induction.join(', ')} goes ${percent(main.random.share)} of the
effect on random words (${verdict(main.random.share)} of it) and ${percent(main.text.share)} in sentences (${verdict(main.text.share)} of it). The tables say where the rest goes.`}

![A and B stood next to each other. At B, ${previous} writes that A stood before; at the second A, the induction heads find it and copy B](img/induction-circuit.svg)

How to make this page again: \`node models/induction.mjs --write\` (everything drawn comes from seed ${f.seed}; the figures are in
\`models/stories-2l/induction.json\`). Every number is from \`hs detect\`, \`hs ablate\`, \`hs run\`, \`hs sweep\` and \`hs path\`
([formats](formats.md), "Study"). \`tests/train/induction.test.mjs\` measures a part of it again.

## Who looks where
Stripe scores on random tokens, each text twice (\`hs detect\`): the previous-token head is the head of layer 0 that looks most at the token before,
${previous} (${nats(layer0[f.circuit.previous])}); induction heads are the heads of layer 1 above 0.5: ${f.circuit.induction.map((h) => `L1H${h} (${nats(layer1[h])})`).join(', ')}. That is where they
look; what follows is what it causes.

![Four grids of two layers and eight heads: attention to the previous token, induction, loss with each head ablated](img/induction-heads.svg)

## Ablation: in-context loss
${loss('random').second.length} sequences of ${f.half} tokens and the same again: words (tokens that are a space and letters) drawn at random; and stretches of the stories on
stories-gelu-4l's card. Loss of the first half: ${nats(loss('random').first)} and ${nats(loss('text').first)} nats a token. Loss of the second half, mean ± standard deviation over the sequences:

${ablationTable(f)}

Without the induction heads ${KINDS.map((kind) => `${percent((without(kind, 'induction') - mean(loss(kind).second)) / (loss(kind).first - mean(loss(kind).second)))} (${kind})`).join(' and ')} of what the repetition had saved is lost. Without as many other
heads of layer 1 the loss stays where it was (controls). ${needed.length === 0 ? '' : ` **Not explained by what follows:** the loss needs ${needed.map((h) => `L0H${h}`).join(' and ')}, too
(mean-ablated, ${needed.map((h) => nats(loss('random').mean[0][h])).join(' and ')} on random words), although little of what differs between the prompts below goes through ${needed.length === 1 ? 'it' : 'them'}. An ablation takes away also what a
head writes in every prompt; patching asks only about what differs between two.`}

## Pairs: three things that can be changed
A prompt ends with a word A that stood before, followed by B; so the answer is B. C is another word of the prompt, followed by D. One of three things is changed
so that the answer becomes D, and the metric is the logit of B less the logit of D at the last position:

* **key**: A and C change places where they stand first, so B is now preceded by C and D by A;
* **query**: the prompt ends with C;
* **value**: B and D change places (on text: D stands in place of B).

Random: ${f.words} different words, then again from the first to A. Text: the tasks "which of two" (key; query by its last word) and "refrain" (value) of
\`models/tasklist.mjs\`. Only pairs that the model gets right on both sides are counted. A share is the mean change by a patch over the mean difference between clean and
corrupted; in brackets the quartiles over single pairs.

${table(['pairs', 'changed', 'made', 'right on both sides', 'logit difference, clean', 'corrupted'], KINDS.flatMap((kind) => CHANGES.map((change) => {
    const { pairs, right, clean, corrupted } = f.patching[kind][change];
    return [kind, change, pairs, right, nats(clean), nats(corrupted)];
  })))}

## Activation patching: which heads
The corrupted prompt is run with one head's z at all positions from the clean one (\`hs sweep\`, \`"what":"z","by":"layer,head"\`). Share regained:

${table(['changed', 'random', 'text'], CHANGES.map(headRow))}

Of the other heads none regains more than ${percent(Math.max(...KINDS.flatMap((kind) => CHANGES.flatMap((change) => f.patching[kind][change].heads.denoise.filter((_, i) => i !== f.circuit.previous && !(i >= 8 && f.circuit.induction.includes(i - 8))).map(({ share }) => share)))))}.

## Path patching: which way
From one sender into one input of layer 1's heads, all else as in the corrupted run (\`hs path\`). Shares of 5 % and more with quartiles.

On random words:

${pathTable(f, 'random')}

![Three times three grids, senders by heads of layer 1: key, query and value changed; q, k and v inputs](img/induction-paths-random.svg)

On text:

${pathTable(f, 'text')}

![The same grids on text](img/induction-paths-text.svg)

The other way round (clean run, the corrupted sender patched in, "noise"), ${previous} into the keys of the induction heads loses ${percent(noise.random.share)} on random words and
${percent(noise.text.share)} on text. The rest of the key comes by the other heads of layer 0, ${percent(rest('random').share)} and ${percent(rest('text').share)}: some of them look at the previous token a little, too.

What each pair shows by itself, on the path that the textbook names for its change:

![Dots: the share for every pair](img/induction-spread.svg)

More than half is regained in ${KINDS.map((kind) => CHANGES.map((change) => `${above(kind, change)} of ${f.patching[kind][change].right} (${kind}, ${change})`).join(', ')).join(', ')} pairs.

## What this does not say
The ${others} induction heads are patched together; alone each regains ${f.circuit.induction.map((h) => percent(path('random', 'key', previous, `L1H${h}.k`).share)).join(', ')} of the key (random words), for they add up. The model was trained
on sequences that repeat themselves (its card says how many): that it has this circuit is no evidence that text alone would have made it.
`;
}

/** path of each file -> its text. */
export const pages = (f) => ({
  'docs/induction.md': page(f),
  [`${IMAGES}circuit.svg`]: circuitPicture(f),
  [`${IMAGES}heads.svg`]: headsPicture(f),
  ...Object.fromEntries(KINDS.map((kind) => [`${IMAGES}paths-${kind}.svg`, pathsPicture(f, kind)])),
  [`${IMAGES}spread.svg`]: spreadPicture(f),
});
