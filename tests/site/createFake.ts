/** Stands in for site/src/engine/index.ts under vite.fake.config.mts. */
import { fakeEngine } from './fakeEngine';

export const createEngine = () => fakeEngine({ loadMs: 400 });
