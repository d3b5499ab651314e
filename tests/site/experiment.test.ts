import { ablatedHead, ablation, createExperiment } from '../../site/src/state/experiment';

const start = () => createExperiment({ text: 'one', interventions: [] });
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
    experiment.useText('two');
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
    experiment.useText('an example');
    experiment.undo();
    expect(experiment.current.value.text).toBe('my own words');
  });

  it('keeps a hundred steps', () => {
    const experiment = start();
    for (let i = 0; i < 150; i++) experiment.useText(`text ${i}`);
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
