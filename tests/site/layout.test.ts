import { layOut, PREDICTIONS_GAP_PX, type Frame } from '../../site/src/views/layout';
import type { Token } from '../../site/src/engine/types';

const ROOM_PX = 1120;
const text = ' little';
const tokens = (n: number): Token[] =>
  Array.from({ length: n }, (_, id) => ({ id, text, bytes: new TextEncoder().encode(text), special: false }) as Token);
const desk = (tables = { stream: false, loss: false }): Frame => ({ widthPx: ROOM_PX, heightPx: 420, pixelRatio: 1, narrow: false, tables });

describe('the room of the bench', () => {
  it('keeps the predictions beside the pictures whatever the length of the text', () => {
    for (const n of [2, 16, 33, 64, 128, 200, 256, 512]) {
      const at = layOut(desk(), tokens(n), 3, true);
      const used = at.gutter + at.cell * n + at.overhang + at.streamWidth + 18 + at.lossWidth;
      expect(at.wrapped, `${n} tokens`).toBe(false);
      expect(ROOM_PX - used, `${n} tokens`).toBeGreaterThanOrEqual(PREDICTIONS_GAP_PX + 188);
    }
  });

  it('puts open tables below the head where they do not fit beside it', () => {
    const both = { stream: true, loss: true };
    expect(layOut({ ...desk(both), widthPx: 780 }, tokens(16), 3, true).stacked).toBe(true);
    expect(layOut({ ...desk(), widthPx: 780 }, tokens(16), 3, true).stacked).toBe(false);
    expect(layOut({ ...desk(both), widthPx: 1500 }, tokens(16), 3, true).stacked).toBe(false);
  });
});
