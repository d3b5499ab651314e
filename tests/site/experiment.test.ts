import { ablatedHead, ablation, createExperiment, EMPTY } from '../../site/src/state/experiment';
import { NOTHING, type Selection } from '../../site/src/state/selection';

function start() {
  let lock: Selection = NOTHING;
  const experiment = createExperiment({ ...EMPTY, text: 'one' }, { get: () => lock, set: (next) => (lock = next) });
  return { ...experiment, lockAt: (dest: number) => (lock = { ...NOTHING, dest }), lock: () => lock.dest };
}
const L1H3 = { layer: 1, head: 3 };

describe('the experiment', () => {
  it('switches heads off as an edit of hook_z, several at once, and back on', () => {
    const experiment = start();
    experiment.toggleHead(L1H3);
    experiment.toggleHead({ layer: 0, head: 5 });
    expect(experiment.inForce.value).toEqual([
      { hook: 'blocks.1.attn.hook_z', heads: [3], op: 'zero' },
      { hook: 'blocks.0.attn.hook_z', heads: [5], op: 'zero' },
    ]);
    experiment.toggleHead(L1H3);
    expect(experiment.isOff(L1H3)).toBe(false);
    expect(experiment.inForce.value).toHaveLength(1);
  });

  it('a muted ablation is not in force, and switching its head off again brings it back', () => {
    const experiment = start();
    experiment.toggleHead(L1H3);
    experiment.toggleMute(0);
    expect(experiment.inForce.value).toEqual([]);
    expect(experiment.isOff(L1H3)).toBe(false);
    experiment.toggleHead(L1H3);
    expect(experiment.inForce.value).toEqual([ablation(L1H3)]);
    expect(experiment.current.value.interventions).toHaveLength(1);
  });

  it('undoes and redoes each change, texts and interventions alike', () => {
    const experiment = start();
    experiment.toggleHead(L1H3);
    experiment.set({ text: 'two' });
    experiment.clear();
    const seen = [experiment.current.value];
    while (experiment.canUndo.value) {
      experiment.undo();
      seen.push(experiment.current.value);
    }
    expect(seen.map((e) => [e.text, e.interventions.length])).toEqual([['two', 0], ['two', 1], ['one', 1], ['one', 0]]);
    while (experiment.canRedo.value) experiment.redo();
    expect(experiment.current.value).toBe(seen[0]);
  });

  it('one stretch of typing is one step', () => {
    const experiment = start();
    for (const text of ['one t', 'one tw', 'one two']) experiment.type(text);
    experiment.endTyping();
    experiment.type('one two three');
    experiment.undo();
    expect(experiment.current.value.text).toBe('one two');
    experiment.undo();
    expect(experiment.current.value.text).toBe('one');
    expect(experiment.canUndo.value).toBe(false);
  });

  it('typing after an undo neither joins the undone step nor keeps what was to be redone', () => {
    const experiment = start();
    experiment.type('one two');
    experiment.undo();
    experiment.type('one x');
    expect(experiment.canRedo.value).toBe(false);
    experiment.undo();
    expect(experiment.current.value.text).toBe('one');
  });

  it('an example chosen over a typed text can be undone: typed text is never lost', () => {
    const experiment = start();
    experiment.type('my own words');
    experiment.set({ text: 'an example' });
    experiment.undo();
    expect(experiment.current.value.text).toBe('my own words');
  });

  it('looking around is one step, and so is sliding; what was set to what it was is none', () => {
    const experiment = start();
    experiment.look({ tab: 'lens' });
    experiment.look({ measure: 'kl', ln: 'cached' });
    experiment.put({ hook: 'hook_embed', op: 'add', value: 1 });
    for (const value of [2, 3, 4]) experiment.put({ hook: 'hook_embed', op: 'add', value }, 0, true);
    experiment.set({ text: 'one' });
    expect(experiment.past.value).toHaveLength(3);
    experiment.undo();
    expect(experiment.current.value.interventions[0]?.edit.value).toBe(1);
    experiment.undo();
    expect(experiment.current.value.view).toMatchObject({ tab: 'lens', measure: 'kl' });
    experiment.undo();
    expect(experiment.current.value).toEqual({ ...EMPTY, text: 'one' });
  });

  it('the selection comes back with the step it belonged to', () => {
    const experiment = start();
    experiment.lockAt(3);
    experiment.set({ text: 'two' });
    experiment.lockAt(7);
    experiment.set({ text: 'three' });
    experiment.backTo(0);
    expect([experiment.current.value.text, experiment.lock()]).toEqual(['one', 3]);
    experiment.redo();
    experiment.redo();
    expect([experiment.current.value.text, experiment.lock()]).toEqual(['three', 7]);
  });

  it('keeps a hundred steps', () => {
    const experiment = start();
    for (let i = 0; i < 150; i++) experiment.set({ text: `text ${i}` });
    let steps = 0;
    for (; experiment.canUndo.value; steps++) experiment.undo();
    expect(steps).toBe(100);
    expect(experiment.current.value.text).toBe('text 49');
  });

  it('only an edit of a whole head reads as an ablated head', () => {
    expect(ablatedHead(ablation(L1H3))).toEqual(L1H3);
    expect(ablatedHead({ ...ablation(L1H3), positions: [2] })).toBeNull();
    expect(ablatedHead({ ...ablation(L1H3), heads: [1, 2] })).toBeNull();
    expect(ablatedHead({ ...ablation(L1H3), op: 'scale' })).toBeNull();
    expect(ablatedHead({ ...ablation(L1H3), hook: 'blocks.*.attn.hook_z' })).toBeNull();
  });
});
