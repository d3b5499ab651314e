import { createApp } from '../../site/src/state/app';
import { NOTHING } from '../../site/src/state/selection';
import { fakeEngine } from './fakeEngine';

const settle = () => new Promise((done) => setTimeout(done, 20));

/** The page's facts on an engine that ships two models and counts what is loaded. */
async function start() {
  const loaded: string[] = [];
  const engine = fakeEngine();
  const app = createApp(() => ({
    ...engine,
    models: async () => ['one', 'two'].map((id) => ({ id, title: id, path: `models/${id}/`, bytes: 1, sha256: '0'.repeat(64) })),
    load: (source, options) => (loaded.push(String(source)), engine.load(source, options)),
  }));
  await app.list();
  await app.start();
  await settle();
  return { app, loaded };
}

describe('models', () => {
  it('are loaded when they are chosen, and by nothing else that is done', async () => {
    const { app, loaded } = await start();
    expect(loaded).toEqual(['one']);
    app.choose('two');
    await settle();
    expect(loaded).toEqual(['one', 'two']);
    app.experiment.look({ tab: 'lens' });
    app.experiment.toggleHead({ layer: 1, head: 3 });
    app.experiment.type('another text');
    app.selection.toggleToken(1);
    await settle();
    expect(loaded).toEqual(['one', 'two']);
    while (app.experiment.canUndo.value) app.experiment.undo();
    await settle();
    expect(loaded).toEqual(['one', 'two', 'one']);
    expect(app.runner.stale.value).toBe(false);
  });

  it('a model that is chosen leaves what was done to the other one, until undo', async () => {
    const { app } = await start();
    app.experiment.toggleHead({ layer: 1, head: 3 });
    app.choose('two');
    await settle();
    expect(app.experiment.inForce.value).toEqual([]);
    app.experiment.undo();
    await settle();
    expect(app.experiment.inForce.value).toHaveLength(1);
    expect(app.runner.shown.value?.a.edits).toHaveLength(1);
  });
});

describe('what is selected until a person chooses', () => {
  it('is what a bench tells of a run, whatever runs then, until the bench has nothing to tell', async () => {
    const { app } = await start();
    const story = app.selection.lock.value;
    const at = { ...NOTHING, dest: 0, depth: 0 };
    app.tells(app.shown.value?.before, at);
    expect(app.selection.lock.value).toEqual(at);
    app.experiment.toggleHead({ layer: 1, head: 3 });
    await settle();
    expect(app.shown.value?.edits.length).toBe(1);
    expect(app.selection.lock.value).toEqual(at);
    app.tells(null, null);
    expect(app.selection.lock.value).toEqual(story);
    expect(app.selection.followsStory.value).toBe(true);
  });

  it('is the story of what is typed, too, once a person let go of everything', async () => {
    const { app } = await start();
    app.selection.unlock();
    app.experiment.type('He sat. He sat.');
    await settle();
    expect(app.selection.followsStory.value).toBe(true);
    expect(app.selection.lock.value.src).not.toBeNull();
  });

  it('is not what a bench told of another run', async () => {
    const { app } = await start();
    app.tells({}, { ...NOTHING, dest: 0, depth: 0 });
    expect(app.selection.lock.value.depth).toBe(null);
  });
});

describe('looking elsewhere', () => {
  it('runs nothing', async () => {
    const { app } = await start();
    const shown = app.runner.shown.value;
    app.experiment.look({ bench: 'patch', study: 'circuit' });
    expect(app.runner.stale.value).toBe(false);
    await settle();
    expect(app.runner.shown.value).toBe(shown);
  });
});
