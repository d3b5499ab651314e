import { createSelection, NOTHING } from '../../site/src/state/selection';

function ready() {
  const selection = createSelection();
  selection.ground.value = { head: { layer: 1, head: 3 }, nLayers: 2, nHeads: 8, nTokens: 10, nDepths: 3, dMlp: 64 };
  return selection;
}

describe('the one selection', () => {
  it('rests on the ground\'s head and the last token when nothing is locked', () => {
    expect(ready().shown.value).toEqual({ head: { layer: 1, head: 3 }, dest: 9, src: null, depth: null, neuron: null });
  });

  it('locks on a click and unlocks on the same click', () => {
    const selection = ready();
    selection.toggleCell(6, 2);
    expect(selection.lock.value).toMatchObject({ dest: 6, src: 2 });
    selection.toggleCell(6, 2);
    expect(selection.lock.value).toMatchObject({ dest: null, src: null });
  });

  it('a click elsewhere moves the lock', () => {
    const selection = ready();
    selection.toggleCell(6, 2);
    selection.toggleCell(6, 3);
    expect(selection.lock.value).toMatchObject({ dest: 6, src: 3 });
    selection.toggleToken(4);
    expect(selection.lock.value).toMatchObject({ dest: 4, src: null });
  });

  it('hover previews over the lock and leaves it as it was', () => {
    const selection = ready();
    selection.toggleCell(6, 2);
    selection.preview({ head: { layer: 0, head: 1 } });
    expect(selection.shown.value).toEqual({ head: { layer: 0, head: 1 }, dest: 6, src: null, depth: null, neuron: null });
    selection.preview({ dest: 8 });
    expect(selection.shown.value).toMatchObject({ dest: 8, src: null });
    selection.preview(null);
    expect(selection.shown.value).toMatchObject({ head: { layer: 1, head: 3 }, dest: 6, src: 2 });
  });

  it('Esc unlocks everything', () => {
    const selection = ready();
    selection.toggleHead({ layer: 0, head: 7 });
    selection.toggleCell(6, 2);
    selection.unlock();
    expect(selection.lock.value).toEqual(NOTHING);
  });

  it('stays where it was when unlocked, until the text has another length', () => {
    const selection = ready();
    selection.toggleHead({ layer: 0, head: 7 });
    selection.toggleCell(6, 2);
    const before = selection.shown.value;
    selection.unlock();
    expect(selection.shown.value).toEqual(before);
    selection.ground.value = { ...selection.ground.value, nTokens: 12 };
    expect(selection.shown.value).toEqual({ head: { layer: 1, head: 3 }, dest: 11, src: null, depth: null, neuron: null });
  });

  it('drops what a new run does not have, and keeps the rest', () => {
    const selection = ready();
    selection.toggleHead({ layer: 1, head: 7 });
    selection.toggleCell(6, 2);
    selection.ground.value = { head: { layer: 0, head: 0 }, nLayers: 1, nHeads: 8, nTokens: 4, nDepths: 2, dMlp: 0 };
    expect(selection.lock.value).toEqual(NOTHING);
    expect(selection.shown.value).toEqual({ head: { layer: 0, head: 0 }, dest: 3, src: null, depth: null, neuron: null });
  });

  it('follows the story only until a person chooses', () => {
    const selection = ready();
    selection.follow({ ...NOTHING, dest: 5, src: 1 });
    expect(selection.followsStory.value).toBe(true);
    selection.toggleToken(3);
    expect(selection.followsStory.value).toBe(false);
  });

  it('a neuron is kept beside the rest, while the model has it', () => {
    const selection = ready();
    selection.toggleCell(6, 2);
    selection.toggleNeuron({ layer: 1, neuron: 63 });
    selection.toggleToken(4);
    expect(selection.lock.value).toMatchObject({ dest: 4, neuron: { layer: 1, neuron: 63 } });
    selection.ground.value = { ...selection.ground.value, dMlp: 32 };
    expect(selection.lock.value.neuron).toBeNull();
  });

  it('a vector and a source exclude each other', () => {
    const selection = ready();
    selection.toggleCell(6, 2);
    selection.toggleVector(6, 1);
    expect(selection.lock.value).toMatchObject({ dest: 6, src: null, depth: 1 });
    selection.preview({ dest: 6, src: 2 });
    expect(selection.shown.value.depth).toBeNull();
  });
});
