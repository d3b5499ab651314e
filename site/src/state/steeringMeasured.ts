/** Written by models/steering.mjs: directions that steer a shipped model's text, by the model's id. */

export interface MeasuredSteering {
  readonly name: string;
  readonly about: string;
  /** Where the contrast is read, and where it acts, from the second token on. */
  readonly hook: string;
  readonly position: 'last' | 'mean';
  readonly strength: number;
  readonly positive: readonly string[];
  readonly negative: readonly string[];
  /** Tokens that become more frequent, and less. */
  readonly effect: { readonly for: readonly number[]; readonly against: readonly number[] };
  /** At that strength: how much the log-odds of the two sets rise, and with random directions; how many times the
   *  perplexity; the strength upwards at which texts fall apart. */
  readonly measured: { readonly effect: number; readonly random: number; readonly perplexity: number; readonly collapse: number | null };
}

export const STEERINGS: Readonly<Record<string, readonly MeasuredSteering[]>> = {};
