/** The page's facts and what can be done to them, in one place; views read signals and call these. */
import { batch, computed, effect, signal, untracked } from '@preact/signals';
import type { Edit, EngineFailure, Engine, HookInfo, ModelInfo, ShippedModel, Token } from '../engine/types';
import { sideProblem, subject } from './documents';
import { EXAMPLES, type Example } from './examples';
import { ablatedHead, createExperiment, EMPTY, type Experiment } from './experiment';
import { asFailure } from './failure';
import { createReadings } from './readings';
import { glyphs, states, strongestSource } from './reading';
import { createCompute, createRunner } from './run';
import { createSelection, NOTHING, sameHead, type HeadId, type Selection } from './selection';
import { findStory, tell } from './story';
import type { View } from './view';

export type ModelState =
  | { readonly kind: 'loading'; readonly title: string; readonly done: number; readonly total: number }
  | { readonly kind: 'ready'; readonly title: string; readonly info: ModelInfo }
  | { readonly kind: 'failed'; readonly title: string; readonly failure: EngineFailure };

/** What stands over the page, one at a time. */
export type Panel = 'help' | 'palette' | 'share' | 'saved' | { readonly edit: Edit | null; readonly index: number | null };

export function createApp(connect: () => Engine) {
  const selection = createSelection();
  const experiment = createExperiment(
    { ...EMPTY, text: EXAMPLES[0].text },
    {
      // Where the story's own lock is, another text's story may be.
      get: () => (selection.followsStory.peek() ? NOTHING : selection.lock.peek()),
      set: (lock) => restore(lock),
    },
  );
  const runner = createRunner();
  const engine = signal<Engine | null>(null);
  const models = signal<readonly ShippedModel[]>([]);
  const model = signal<ModelState>({ kind: 'loading', title: '', done: 0, total: 0 });
  const vocabulary = signal<readonly Token[]>([]);
  const hooks = signal<readonly HookInfo[]>([]);
  const editing = signal<'text' | 'textB' | null>(null);
  const panel = signal<Panel | null>(null);
  const readings = createReadings(() => engine.value);
  const view = computed(() => experiment.current.value.view);

  const wanted = computed(() => experiment.current.value.model);
  const waiting = signal<string | null>(null);
  /** True while a link's model waits for a person's word: nothing is loaded and nothing runs. */
  const held = computed(() => waiting.value === wanted.value);

  const askNow = () => {
    const { text, textB } = experiment.current.value;
    if (held.peek()) runner.stale.value = true;
    else runner.ask({ text, textB, edits: experiment.inForce.value, steer: experiment.steering.value });
  };
  // What is looked at changes more often than what is run.
  const asked = computed(() => {
    const { text, textB, interventions } = experiment.current.value;
    return JSON.stringify([text, textB, interventions, experiment.steering.value]);
  });
  effect(() => {
    asked.value;
    untracked(askNow);
  });

  /** Pictures follow what is typed: while prompt B is written, it is looked at. */
  const side = computed(() => (editing.value === 'textB' && runner.shown.value?.b ? 'b' : view.value.side));
  /** Prompt A, or B where that is looked at. */
  const shown = computed(() => {
    const pair = runner.shown.value;
    return pair && (side.value === 'b' && pair.b ? pair.b : pair.a);
  });
  const problem = computed(() => {
    const pair = runner.shown.value;
    return pair && sideProblem(side.value, pair.a, pair.b);
  });
  /** What pictures read: a run, or one less another. */
  const subjectShown = computed(() => {
    const pair = runner.shown.value;
    return pair && subject(side.value, pair.a, pair.b);
  });

  /** What the shown run is held against, and what both are called: the run without edits, or prompt B's. */
  const compared = computed(() => {
    const pair = runner.shown.value;
    if (!pair || !shown.value) return null;
    return side.value === 'a-b' && pair.b && !problem.value
      ? { before: pair.b.now, words: ['B', 'A'] as const }
      : { before: shown.value.before, words: ['before', 'now'] as const };
  });

  /** The story belongs to a text, not to what was switched off in it. */
  let told: { before: unknown; story: Selection } | null = null;
  /** A bench may have a story of its own about a run; it comes before the text's. */
  let benchs: { readonly before: unknown; readonly at: Selection } | null = null;
  const storyNow = (): Selection | null => told && (benchs && benchs.before === told.before ? benchs.at : told.story);
  let ids: ArrayLike<number> | null = null;
  let seen: { readonly text: string; readonly side: View['side'] } | null = null;
  effect(() => {
    const now = shown.value;
    if (!now) return;
    if (told?.before !== now.before) {
      const story = findStory(now);
      if (story) told = { before: now.before, story };
    }
    const { ids: next } = now.tokenized;
    const { dest, head, neuron } = selection.lock.peek();
    if (ids && !selection.followsStory.peek() && seen?.text !== now.text && seen?.side === side.peek()) {
      // Where nothing is kept, another text has its own story. A lock whose token is another one now meant something
      // else: the end of the text is what was just written.
      if (dest === null && head === null && neuron === null) selection.restore(NOTHING);
      else if (dest !== null && ids[dest] !== next[dest] && editing.peek()) selection.moveTo({ dest: next.length - 1, src: null, depth: null });
    }
    seen = { text: now.text, side: side.peek() };
    ids = next;
    const { config } = now.info;
    batch(() => {
      selection.ground.value = {
        head: told?.story.head ?? null, nLayers: config.n_layers, nHeads: config.n_heads, nTokens: now.tokenized.ids.length,
        nDepths: states(config).length, dMlp: config.attn_only ? 0 : config.d_mlp,
      };
      const story = storyNow();
      if (story && selection.followsStory.peek()) selection.follow(story);
    });
  });

  function restore(lock: Selection) {
    selection.restore(lock);
    const story = storyNow();
    if (story && selection.followsStory.peek()) selection.follow(story);
  }

  const offHeads = computed<readonly HeadId[]>(() => (shown.value?.edits ?? []).map(ablatedHead).filter((h) => h !== null));

  /** Loads a model and shows its run; the text stays whatever happens. */
  let loads = 0;
  async function open(id: string) {
    const load = ++loads;
    let title = id;
    let loading = true;
    const current = () => loading && load === loads;
    // From here on what is shown is the last model's: it stays, dimmed, and the last model runs no more.
    runner.use(null);
    readings.leave();
    askNow();
    try {
      engine.value ??= connect();
      models.value = await engine.value.models();
      const chosen = models.value.find((m) => m.id === id) ?? (id === '' ? models.value[0] : undefined);
      if (!chosen) throw { status: 'EFETCH', detail: id === '' ? 'This copy of the page ships no model.' : `This copy of the page ships no model "${id}".` };
      title = chosen.title;
      model.value = { kind: 'loading', title, done: 0, total: chosen.bytes };
      const info = await engine.value.load(chosen.id, {
        // A file that arrives after another one failed is no progress.
        onProgress: (done, total) => {
          if (current()) model.value = { kind: 'loading', title, done, total };
        },
      });
      const words = await engine.value.tokens(Array.from({ length: info.config.d_vocab_out }, (_, i) => i));
      const all = await engine.value.hooks(1);
      if (load !== loads) return; // another one was chosen meanwhile
      readings.use(info);
      batch(() => {
        vocabulary.value = words;
        hooks.value = all;
        model.value = { kind: 'ready', title, info };
      });
      runner.use(createCompute(engine.value, info));
      askNow();
    } catch (thrown) {
      loading = false;
      if (load === loads) model.value = { kind: 'failed', title, failure: asFailure(thrown) };
    }
  }

  let started = false;
  effect(() => {
    const id = wanted.value;
    const may = !held.value;
    // What loading reads of the experiment is no reason to load again.
    if (started && may) untracked(() => void open(id));
  });

  return {
    experiment,
    selection,
    runner,
    engine,
    models,
    model,
    hooks,
    vocabulary,
    editing,
    panel,
    /** What the open bench does for keys of its own. */
    own: new Map<string, () => void>(),
    offHeads,
    readings,
    view,
    shown,
    /** Why what is asked for cannot be shown, so that prompt A is. */
    problem,
    subject: subjectShown,
    compared,
    held,
    /** Until `release`, or while another model is chosen, this one is not loaded. */
    hold(id: string) {
      waiting.value = id;
    },
    release() {
      waiting.value = null;
    },
    /** Which models this copy of the page ships; a failure is told when one is loaded. */
    async list() {
      engine.value ??= connect();
      models.value = await engine.value.models().catch(() => []);
    },
    /** The experiment that a visit begins with: nothing to undo. */
    begin(left: Experiment, lock: Selection) {
      experiment.current.value = left;
      restore(lock);
    },
    /** Until a person chooses, what is selected is what a bench's own story of the run is about; null: the text's again. */
    tells(before: unknown, at: Selection | null) {
      benchs = at && { before, at };
      if (selection.followsStory.peek()) batch(() => restore(NOTHING));
    },
    /** Where the selection is, as it is kept: none while it is the story's own. */
    kept: () => (selection.followsStory.value ? NOTHING : selection.wanted.value),
    async start() {
      started = true;
      if (!held.peek()) await open(wanted.peek());
    },
    /** A worker that died takes the model with it: both start anew. */
    async retry() {
      engine.value?.close();
      engine.value = null;
      runner.failure.value = null;
      await open(wanted.peek());
    },
    /** The words of a vocabulary id, with spaces and newlines made visible. */
    glyph(id: number): string {
      const token = vocabulary.value[id];
      return token ? glyphs(token) : `#${id}`;
    },
    /** The source that is lit. A head under the pointer, other than the one that is kept, shows its own strongest. */
    source: computed<number | null>(() => {
      const now = shown.value;
      const { head, dest, src } = selection.shown.value;
      if (src !== null || !now || !head || dest === null || sameHead(head, selection.resting.value.head)) return src;
      return strongestSource(now.now, head, dest);
    }),
    story: computed(() => {
      const now = shown.value;
      if (!now) return [];
      const off = offHeads.value;
      return tell(now, { selection: selection.shown.value, off, others: now.edits.length - off.length });
    }),
    useExample({ text, b = null }: Example) {
      batch(() => {
        selection.followsStory.value = true;
        selection.hover.value = null;
        selection.follow((text === experiment.current.value.text && told?.story) || NOTHING);
        experiment.set({ text, textB: b, view: { ...view.value, side: 'a', answers: null } });
      });
    },
    /** Another model's heads and directions are others: the interventions go, and come back with undo. */
    choose(id: string) {
      batch(() => {
        experiment.set({ model: id, interventions: [], steer: null, ...(view.value.side === 'effect' && { view: { ...view.value, side: 'a' as const } }) });
        restore(NOTHING);
      });
    },
    /** An experiment from outside (a link, a saved one) in the place of this one; undo brings this one back. */
    replace(next: Experiment, lock: Selection | null) {
      batch(() => {
        experiment.set(next);
        if (lock) restore(lock);
      });
    },
  };
}

export type App = ReturnType<typeof createApp>;
