/** Readings and studies as the page keeps them. */
import type { Engine, ModelInfo, ReadRequest, Reading } from '../../site/src/engine/types';
import { createReadings } from '../../site/src/state/readings';

const REQUEST: ReadRequest = { read: 'sweep' };
const READING = { arrays: new Map(), axes: {}, values: {}, conventions: {} } as unknown as Reading;
const INFO = {} as ModelInfo;

/** An engine whose studies end when they are told to, or when their signal says so. */
function slowEngine() {
  const ends: (() => void)[] = [];
  const read = ((_: ReadRequest, options?: { readonly signal?: AbortSignal }) =>
    new Promise<Reading>((resolve, reject) => {
      ends.push(() => resolve(READING));
      options?.signal?.addEventListener('abort', () => reject(Object.assign(new Error('Stopped.'), { status: 'EABORTED', detail: 'Stopped.' })));
    })) as Engine['read'];
  const readings = createReadings(() => ({ read }));
  readings.use(INFO);
  return { readings, end: () => ends.forEach((one) => one()), asked: () => ends.length };
}
const study = (readings: ReturnType<typeof createReadings>, signal = new AbortController().signal) => readings.study(REQUEST, signal, () => {});

describe('a study', () => {
  it('ends with its own signal, and with its model', async () => {
    const { readings } = slowEngine();
    const mine = new AbortController();
    const [first, second] = [study(readings, mine.signal), study(readings)];
    mine.abort();
    await expect(first).rejects.toMatchObject({ status: 'EABORTED' });
    readings.leave();
    await expect(second).rejects.toMatchObject({ status: 'EABORTED' });
  });

  it('is kept once it is done: another model ends only what goes on', async () => {
    const { readings, end, asked } = slowEngine();
    const done = study(readings);
    end();
    expect(await done).toBe(READING);
    readings.leave();
    expect(await study(readings)).toBe(READING);
    expect(asked()).toBe(1);
  });
});
