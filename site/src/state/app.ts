/** The page's facts and what can be done to them, in one place; views read signals and call these. */
import { batch, computed, effect, signal } from '@preact/signals';
import type { EngineFailure, Engine, ModelInfo, ShippedModel, Token } from '../engine/types';
import { EXAMPLES } from './examples';
import { ablatedHead, createExperiment } from './experiment';
import { asFailure } from './failure';
import { createLens } from './lens';
import { glyphs, strongestSource } from './reading';
import { createCompute, createRunner } from './run';
import { createSelection, NOTHING, sameHead, type HeadId, type Selection } from './selection';
import { findStory, tell } from './story';

export type ModelState =
  | { readonly kind: 'loading'; readonly title: string; readonly done: number; readonly total: number }
  | { readonly kind: 'ready'; readonly title: string; readonly info: ModelInfo }
  | { readonly kind: 'failed'; readonly title: string; readonly failure: EngineFailure };

export function createApp(connect: () => Engine) {
  const experiment = createExperiment({ text: EXAMPLES[0].text, interventions: [] });
  const selection = createSelection();
  const runner = createRunner();
  const engine = signal<Engine | null>(null);
  const models = signal<readonly ShippedModel[]>([]);
  const model = signal<ModelState>({ kind: 'loading', title: '', done: 0, total: 0 });
  const vocabulary = signal<readonly Token[]>([]);
  const editing = signal(false);

  const askNow = () => runner.ask({ text: experiment.current.value.text, edits: experiment.inForce.value });
  effect(askNow);

  /** The story belongs to a text, not to what was switched off in it. */
  let told: { before: unknown; story: Selection } | null = null;
  effect(() => {
    const shown = runner.shown.value;
    if (!shown) return;
    if (told?.before !== shown.before) told = { before: shown.before, story: findStory(shown) };
    const { n_layers, n_heads } = shown.info.config;
    const { story } = told;
    batch(() => {
      selection.ground.value = { head: story.head, nLayers: n_layers, nHeads: n_heads, nTokens: shown.tokenized.ids.length };
      if (selection.followsStory.peek()) selection.follow(story);
    });
  });

  const offHeads = computed<readonly HeadId[]>(() =>
    (runner.shown.value?.edits ?? []).map(ablatedHead).filter((h) => h !== null),
  );

  /** Loads a model and shows its run; the text stays whatever happens. */
  async function open(id?: string) {
    let title = id ?? '';
    let loading = true;
    try {
      engine.value ??= connect();
      models.value = await engine.value.models();
      const chosen = models.value.find((m) => m.id === id) ?? models.value[0];
      if (!chosen) throw { status: 'EFETCH', detail: 'This copy of the page ships no model.' };
      title = chosen.title;
      model.value = { kind: 'loading', title, done: 0, total: chosen.bytes };
      const info = await engine.value.load(chosen.id, {
        // A file that arrives after another one failed is no progress.
        onProgress: (done, total) => {
          if (loading) model.value = { kind: 'loading', title, done, total };
        },
      });
      vocabulary.value = await engine.value.tokens(Array.from({ length: info.config.d_vocab_out }, (_, i) => i));
      model.value = { kind: 'ready', title, info };
      runner.use(createCompute(engine.value, info));
      askNow();
    } catch (thrown) {
      loading = false;
      model.value = { kind: 'failed', title, failure: asFailure(thrown) };
    }
  }

  return {
    experiment,
    selection,
    runner,
    engine,
    models,
    model,
    editing,
    offHeads,
    lens: createLens(() => engine.value, runner.shown),
    open,
    /** A worker that died takes the model with it: both start anew. */
    async retry() {
      const last = model.value.kind === 'ready' ? model.value.info.id : undefined;
      engine.value?.close();
      engine.value = null;
      runner.failure.value = null;
      await open(last);
    },
    /** The words of a vocabulary id, with spaces and newlines made visible. */
    glyph(id: number): string {
      const token = vocabulary.value[id];
      return token ? glyphs(token) : `#${id}`;
    },
    /** The source that is lit. A head under the pointer, other than the one that is kept, shows its own strongest. */
    source: computed<number | null>(() => {
      const shown = runner.shown.value;
      const { head, dest, src } = selection.shown.value;
      if (src !== null || !shown || !head || dest === null || sameHead(head, selection.resting.value.head)) return src;
      return strongestSource(shown.now, head, dest);
    }),
    story: computed(() => {
      const shown = runner.shown.value;
      if (!shown) return [];
      const off = offHeads.value;
      return tell(shown, { selection: selection.shown.value, off, others: shown.edits.length - off.length });
    }),
    useExample(text: string) {
      batch(() => {
        selection.followsStory.value = true;
        selection.hover.value = null;
        selection.follow((text === experiment.current.value.text && told?.story) || NOTHING);
        experiment.useText(text);
      });
    },
    choose(id: string) {
      experiment.clear(); // another model's heads are other heads
      return open(id);
    },
  };
}

export type App = ReturnType<typeof createApp>;
