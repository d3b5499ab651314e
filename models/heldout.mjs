/* Loss on held-out text, beside what counting alone gives. */

import { bigramLoss, unigramLoss } from './counts.mjs';
import { nextTokenLosses } from './hs.mjs';

/** Mean loss in nats a token of a model and of the counts. The text is cut into windows of the context, a
 *  beginning-of-text token before each. */
export function againstCounts(run, { config, bos }, { train, heldout }) {
  let sum = 0;
  for (let at = 0; at < heldout.length; at += config.n_ctx - 1) {
    const ids = [bos, ...heldout.subarray(at, at + config.n_ctx - 1)];
    for (const loss of nextTokenLosses(run(ids, { capture: ['logits'] }).get('logits'), ids)) sum += loss;
  }
  return {
    tokens: heldout.length,
    heldout: sum / heldout.length,
    unigram: unigramLoss(train, heldout, config.d_vocab),
    bigram: bigramLoss(train, heldout, config.d_vocab),
  };
}
