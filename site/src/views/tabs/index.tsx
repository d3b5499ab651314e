/** Every tab of the Look bench but the first, in one piece that is fetched when one of them is first opened. */
import type { ComponentType } from 'preact';
import type { Shown } from '../../state/run';
import type { View } from '../../state/view';
import { AttributionTab } from './AttributionTab';
import { GenerateTab } from './GenerateTab';
import { HooksTab } from './HooksTab';
import { LensTab } from './LensTab';
import { MlpTab } from './MlpTab';
import { StreamTab } from './StreamTab';
import { WrittenTab } from './WrittenTab';

export { PairSteps } from './PairSteps';

interface TabProps {
  readonly shown: Shown;
}

const TABS: Readonly<Partial<Record<View['tab'], ComponentType<TabProps>>>> = {
  stream: StreamTab,
  lens: LensTab,
  hooks: HooksTab,
  generate: GenerateTab,
  attribution: AttributionTab,
  mlp: MlpTab,
  written: WrittenTab,
};

export function OtherTab({ tab, shown }: TabProps & { readonly tab: View['tab'] }) {
  const Tab = TABS[tab];
  return Tab ? <Tab shown={shown} /> : null;
}
