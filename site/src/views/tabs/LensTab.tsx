/** The logit lens: what the model would predict if it stopped at each state of the stream. */
import type { TabProps } from './index';
import { StatesPicture } from './StatesPicture';

export function LensTab({ shown }: TabProps) {
  return <StatesPicture shown={shown} measures={['prob', 'logit', 'rank', 'kl', 'entropy']} called="Logit lens" name="the logit lens" ownControls />;
}
