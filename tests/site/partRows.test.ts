import { partRows, type Part } from '../../site/src/views/partRows';

const PARTS: readonly Part[] = [['embed', 1], ['0_attn_out', -5], ['L1H2', 3], ['0_mlp_out', 0.25], ['edit 1_resid_pre', -0.5]];
const total = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0);

describe('the rows of parts', () => {
  it('keep the order of the stream where all of them are shown', () => {
    const { rows, labels } = partRows(PARTS, 5);
    expect(labels).toEqual(PARTS.map(([label]) => label));
    expect(rows.map(({ name }) => name)).toEqual(['embedding', 'L0 attention', 'L1H2', 'L0 MLP', 'edit of L1 resid_pre']);
    expect(rows.map(({ value }) => value)).toEqual(PARTS.map(([, value]) => value));
  });

  it('are the largest by size and the rest in one, and lose nothing of the sum', () => {
    for (let most = 1; most < PARTS.length; most++) {
      const { rows, labels } = partRows(PARTS, most);
      expect(labels).toHaveLength(most);
      expect(rows).toHaveLength(most + 1);
      expect(rows.at(-1)?.name).toBe(most === PARTS.length - 1 ? '1 other' : `${PARTS.length - most} others`);
      expect(total(rows.map(({ value }) => value))).toBeCloseTo(-1.25, 12);
    }
    expect(partRows(PARTS, 2).labels).toEqual(['0_attn_out', 'L1H2']);
  });

  it('put the parts of before behind those of the same name; what is new was 0', () => {
    const { rows } = partRows(PARTS, 3, [['L1H2', 2], ['embed', 1], ['0_attn_out', -4], ['0_mlp_out', 7]]);
    expect(rows.map(({ before }) => before)).toEqual([-4, 2, 1, 7]);
    expect(total(rows.map(({ before }) => before ?? 0))).toBeCloseTo(6, 12);
  });
});
