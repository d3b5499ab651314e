/* What a model of a recipe is asked to show: an attention-only model, that it copies (copying.mjs); a model
 * with MLPs, that it tells stories (telling.mjs). */

import * as copying from './copying.mjs';
import * as telling from './telling.mjs';

export const kindOf = ({ config }) => (config.attn_only ? copying : telling);
