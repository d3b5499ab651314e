import type { GenerateRequest, ModelConfig, ReadRequest, RunRequest } from '../engine/types';
export interface CodeInput {
  readonly model: { readonly id: string; readonly sha256: string; readonly config: ModelConfig };
  readonly what:
    | { readonly kind: 'read'; readonly document: ReadRequest }
    | { readonly kind: 'generate'; readonly document: GenerateRequest }
    | { readonly kind: 'run'; readonly document: Pick<RunRequest, 'ids' | 'edits' | 'runs'> & { readonly hooks: readonly string[] } };
  readonly text?: string;
}
export const toCode = (_input: CodeInput, _library: 'transformer_lens' | 'nnsight'): string => '';
