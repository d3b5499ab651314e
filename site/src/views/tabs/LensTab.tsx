/** The logit lens: what the model would predict if it stopped at each state of the stream. */
import type { Shown } from '../../state/run';
import { StatesPicture } from './StatesPicture';

export function LensTab({ shown }: { readonly shown: Shown }) {
  return <StatesPicture shown={shown} measures={['prob', 'logit', 'rank', 'kl', 'entropy']} called="Logit lens" name="the logit lens" ownControls />;
}
