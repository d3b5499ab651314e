/* hs.h: the core of Hookscope. Token ids in, every activation of a transformer out, under the names
 * that TransformerLens gives them, with interventions and gradients.
 *
 * This is the one public header and the manual. C11; libc and libm only; no I/O, no globals, no
 * printing. The page's worker (wasm/), the native program (core/cli/) and the tests use what stands
 * here and nothing else.
 *
 *     hs_model_load -> hs_edits_new (optional) -> hs_run_new -> hs_run_forward -> hs_run_tensor
 *                                                       \-> hs_grad_new -> hs_backward -> hs_grad_hook, hs_grad_param
 *
 * Conventions
 *   Arrays are row-major, outermost axis first, without a batch axis; T is the number of tokens.
 *   Every call that can fail returns an hs_status. Its result comes in the last parameter and is set
 *   only on HS_OK; `detail`, the one before, may be NULL and is written only on failure: one line that
 *   says what is wrong, where, and what to do.
 *   A pointer parameter is borrowed for the call unless its comment says longer. */
#ifndef HS_H
#define HS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* float in everything that ships. The build for finite differences makes it double, over the plain
 * C kernels, so that a gradient can be checked against the very same forward pass. */
#ifdef HS_F64
typedef double hs_real;
#else
typedef float hs_real;
#endif

typedef enum hs_status {
#define HS_STATUS(name, number, text) HS_##name = number,
#include "status.def"
#undef HS_STATUS
} hs_status;

/* "EHOOK" for HS_EHOOK, "OK" for HS_OK; "?" for a number that is no status. */
const char *hs_status_name(hs_status status);
/* What the status means, in a few words; status.def's third column. */
const char *hs_status_text(hs_status status);

typedef struct hs_detail {
    char text[480];
} hs_detail;

/* Bytes that somebody else owns. `name` (a file's name) goes into error lines; may be NULL. */
typedef struct hs_bytes {
    const void *data;
    size_t size;
    const char *name;
} hs_bytes;

#define HS_MAX_AXES 4

/* A named array. The pointers belong to the object that gave it and live as long. */
typedef struct hs_tensor {
    const char *name;
    const hs_real *data;
    int n_axes;
    int64_t shape[HS_MAX_AXES];
    int64_t count; /* the product of the shape */
} hs_tensor;

/* ---- models ---------------------------------------------------------------------------------- */

typedef enum hs_norm { HS_NORM_NONE, HS_NORM_LN, HS_NORM_LNPRE, HS_NORM_RMS, HS_NORM_RMSPRE } hs_norm;
typedef enum hs_positions {
    HS_POSITIONS_STANDARD,
    HS_POSITIONS_SHORTFORMER,
    HS_POSITIONS_ROTARY,
    HS_POSITIONS_ALIBI,
    HS_POSITIONS_RELATIVE
} hs_positions;
typedef enum hs_act {
    HS_ACT_NONE,
    HS_ACT_RELU,
    HS_ACT_GELU,
    HS_ACT_GELU_NEW,
    HS_ACT_GELU_FAST,
    HS_ACT_GELU_PYTORCH_TANH,
    HS_ACT_SILU,
    HS_ACT_SOLU,
    HS_ACT_SOLU_LN
} hs_act;

/* HookedTransformerConfig's fields, by its names, with absent, null and -1 already given the meaning
 * that its __post_init__ gives them. What the forward pass cannot do yet is refused by the loader, by
 * name (config.c), so a model that loads runs. */
typedef struct hs_config {
    int n_layers, d_model, n_ctx, n_heads, d_head, d_mlp, d_vocab, d_vocab_out;
    int n_key_value_heads; /* = n_heads without grouped queries */
    int rotary_dim;
    hs_act act_fn;
    hs_norm normalization_type;
    hs_positions positional_embedding_type;
    bool attn_only, parallel_attn_mlp, gated_mlp, final_rms;
    bool use_attn_scale, scale_attn_by_inverse_layer_idx, default_prepend_bos;
    double attn_scale; /* scores are divided by it; 1 when use_attn_scale is false */
    double eps, rotary_base;
} hs_config;

typedef struct hs_model hs_model;

/* Read a config.json ("model_type": "hooked_transformer"; TransformerLens' HookedTransformerConfig).
 * Unknown fields and fields with a value the core cannot run are refused by name: HS_ECONFIG,
 * HS_EFIELD, HS_EJSON and its kin. */
hs_status hs_config_read(hs_bytes json, hs_detail *detail, hs_config *out);

/* Load a model: its config.json and the bytes of its safetensors file (or of each shard). F32, F16
 * and BF16 tensors become hs_real; nothing is folded or centred. `weights` may be freed afterwards.
 * Missing biases are zero; attn.mask, attn.IGNORE, rotary_sin, rotary_cos are passed over.
 * Peak memory: the weights as hs_real, twice (as the file has them, and packed for the kernels). */
hs_status hs_model_load(hs_bytes config, const hs_bytes *weights, int n_weights, hs_detail *detail,
                        hs_model **out);
void hs_model_free(hs_model *model);

const hs_config *hs_model_config(const hs_model *model);
/* The state_dict: every parameter by TransformerLens' name and shape, zero biases included. */
int hs_model_n_params(const hs_model *model);
hs_tensor hs_model_param(const hs_model *model, int i);
/* Parameters counted: all of them, and as HookedTransformerConfig.n_params counts (attention and MLP
 * matrices only). */
int64_t hs_model_count_all(const hs_model *model);
int64_t hs_model_count_n_params(const hs_model *model);
/* Number of NaN or infinite weights found at load; the page says so, the run goes on. */
int64_t hs_model_n_not_finite(const hs_model *model);
size_t hs_model_bytes(const hs_model *model);

/* ---- hooks ----------------------------------------------------------------------------------- */

typedef struct hs_hook_info {
    char name[64];
    int n_axes;
    int64_t shape[HS_MAX_AXES];
    int64_t count;
} hs_hook_info;

/* Every hook of this model, in the order of the forward pass, with its shape for T tokens. */
int hs_hook_count(const hs_model *model);
void hs_hook_describe(const hs_model *model, int i, int n_tokens, hs_hook_info *out);
/* `*` matches any run of characters, dots included; `?` one character. */
bool hs_glob_match(const char *glob, const char *name);

/* ---- edits ----------------------------------------------------------------------------------- */

typedef struct hs_run hs_run;
typedef struct hs_edits hs_edits;

/* What the operands of an edit document may name. */
typedef struct hs_sources {
    const char *const *run_names; /* "B" ... */
    const hs_run *const *runs;    /* forward done, the named hooks captured; must outlive the edits */
    int n_runs;
    const hs_tensor *vectors; /* by .name; copied */
    int n_vectors;
} hs_sources;

/* Compile an edit document (docs/formats.md, "Edits") for prompts of n_tokens. Every name, range and
 * shape is checked here, so that a run cannot fail on an edit. HS_EEDIT names the edit by its index
 * and the field. `json` may be freed afterwards. */
hs_status hs_edits_new(const hs_model *model, hs_bytes json, int n_tokens, const hs_sources *sources,
                       hs_detail *detail, hs_edits **out);
void hs_edits_free(hs_edits *edits);
/* Which hooks of run `run_name` the document reads: calls `found` with each glob, in order. */
hs_status hs_edits_needs(hs_bytes json, const char *run_name, hs_detail *detail,
                         void (*found)(void *context, const char *glob), void *context);

/* ---- runs ------------------------------------------------------------------------------------ */

typedef struct hs_run_spec {
    const int32_t *ids; /* [n_tokens]; copied */
    int n_tokens;
    const hs_edits *edits;      /* NULL: none. Must outlive the run. */
    const char *const *capture; /* globs over hook names; each must match a hook. LOGITS is always kept. */
    int n_capture;
    bool keep_for_backward; /* keep what hs_backward needs, besides the captures */
    bool no_logits; /* end before the unembedding; hs_run_logits is NULL. Without ids besides: room for n_tokens rows of
                     * any runs, which the core's batches go through block by block (core/batch.c) */
    const struct hs_live *live; /* the core's own hook function (core/run.h); NULL outside it. Must outlive the run. */
} hs_run_spec;

/* Bytes that hs_run_new would take, without taking them. */
hs_status hs_run_size(const hs_model *model, const hs_run_spec *spec, hs_detail *detail, size_t *out);
/* Check the ids and plan the run: every buffer is laid out and taken here, none later.
 * The model must outlive the run. */
hs_status hs_run_new(const hs_model *model, const hs_run_spec *spec, hs_detail *detail, hs_run **out);
void hs_run_free(hs_run *run);
/* Other ids for the same plan; n_tokens as planned. */
hs_status hs_run_set_ids(hs_run *run, const int32_t *ids, hs_detail *detail);

/* The forward pass, whole, or in steps so that a worker can show progress and listen for a cancel between
 * them: embed, each block, unembed, in units of at most 50 MFLOP (turns.h): groups of at most 96 rows, and of their
 * products columns.
 * The same bits either way. hs_run_step returns true while steps are left. Calling either after the end
 * starts anew. */
void hs_run_forward(hs_run *run);
bool hs_run_step(hs_run *run);

const hs_model *hs_run_model(const hs_run *run);
int hs_run_n_tokens(const hs_run *run);
/* The captured tensors, in the order of the forward pass. */
int hs_run_n_captured(const hs_run *run);
hs_tensor hs_run_captured(const hs_run *run, int i);
/* One captured tensor by its hook name; HS_EHOOK if there is no such hook or it was not captured. */
hs_status hs_run_tensor(const hs_run *run, const char *name, hs_detail *detail, hs_tensor *out);
/* [T, d_vocab_out]; valid after the forward pass. */
const hs_real *hs_run_logits(const hs_run *run);

/* Cross-entropy of each next token, in nats: out[t] = -log p(ids[t + 1] | ids[0..t]), t < T - 1.
 * (HookedTransformer.loss_fn with per_token=True.) Returns the mean; 0 when T is 1. */
double hs_run_loss(const hs_run *run, hs_real *out /* [T - 1] or NULL */);
/* The k largest entries of row[n], largest first, the lower id first among equals, with their
 * probabilities under softmax(row). k <= n. */
void hs_top_k(const hs_real *row, int n, int k, int32_t *ids, hs_real *logits, hs_real *probs);

/* Logits of n vectors of the residual stream: x [n, d_model] -> out [n, d_vocab_out], through ln_final
 * re-normalised for each vector (apply_ln_final; the logit-lens convention) or not, then W_U and b_U.
 * HS_EMEMORY when n vectors do not fit. */
hs_status hs_unembed(const hs_model *model, const hs_real *x, int n, bool apply_ln_final, hs_detail *detail,
                     hs_real *out);

/* What a head does on this text, from its pattern [n_heads, T, T] and the ids [T]; each score is a mean
 * over the destinations that can show it, in [0, 1]; a kind that no destination can show scores 0.
 *   previous   attention from t to t - 1
 *   duplicate  attention from t to earlier positions with the same token
 *   induction  attention from t to the positions just after those
 * Position 0 (the beginning-of-text token) is no destination and its token no duplicate. On a repeated
 * random sequence these are TransformerLens' stripe scores. n_counted gets how many destinations could
 * show a duplicate. */
typedef struct hs_head_scores {
    hs_real previous, duplicate, induction;
} hs_head_scores;
void hs_detect_heads(const hs_real *pattern, const int32_t *ids, int n_heads, int n_tokens,
                     hs_head_scores *out /* [n_heads] */, int *n_counted);

/* ---- gradients ------------------------------------------------------------------------------- */

typedef struct hs_grad hs_grad;

typedef struct hs_grad_spec {
    const char *const *hooks; /* globs: gradients at these hooks, with respect to the value after edits */
    int n_hooks;
    bool weights; /* and of every parameter */
} hs_grad_spec;

/* Plan a backward pass for runs of this shape (made with keep_for_backward). Prepares the model's
 * transposed weights on first use. */
hs_status hs_grad_new(hs_model *model, const hs_run *like, const hs_grad_spec *spec, hs_detail *detail,
                      hs_grad **out);
/* Bytes that hs_grad_new would take for runs of n_tokens, the transposed weights with them if they are not there yet. */
hs_status hs_grad_size(const hs_model *model, int n_tokens, const hs_grad_spec *spec, hs_detail *detail, uint64_t *out);
void hs_grad_free(hs_grad *grad);
/* Forget the accumulated weight gradients. */
void hs_grad_zero(hs_grad *grad);
/* Backward through `run` (forward done) from d(objective)/d(logits) [T, d_vocab_out]. Weight gradients
 * accumulate over calls; hook gradients are those of the last call. */
void hs_backward(const hs_run *run, const hs_real *d_logits, hs_grad *grad);
int hs_grad_n_hooks(const hs_grad *grad);
hs_tensor hs_grad_hook(const hs_grad *grad, int i);
/* The gradient of hs_model_param(model, i); data is NULL without `weights`. */
hs_tensor hs_grad_param(const hs_grad *grad, int i);

/* d(mean next-token loss)/d(logits), for training and for metric "loss". Returns the loss. */
double hs_loss_gradient(const hs_run *run, double scale, hs_real *d_logits /* [T, d_vocab_out] */);

/* A gradient document (docs/formats.md, "Gradient"), whole: run, metric, backward. The caller walks
 * hs_grad_n_hooks / hs_grad_hook and the parameters, then frees both. */
typedef struct hs_grad_result {
    hs_run *run;
    hs_edits *edits;
    hs_grad *grad;
    double metric;
} hs_grad_result;
hs_status hs_grad_document(hs_model *model, hs_bytes json, hs_detail *detail, hs_grad_result *out);
void hs_grad_result_free(hs_grad_result *result);

/* ---- training -------------------------------------------------------------------------------- */

typedef struct hs_trainer hs_trainer;

/* How a step's sequences are spread: lane i does sequences i, i + HS_LANES, ... The lanes' gradients
 * are summed in lane order, so any number of threads gives the same bits. */
#define HS_LANES 4

typedef struct hs_progress {
    int64_t step, n_steps, tokens;
    double loss;    /* mean training loss of the last step, nats */
    double lr;
    double grad_norm;
} hs_progress;

/* What the program around the trainer needs of a recipe: where its data is, how often to speak. */
typedef struct hs_recipe_info {
    char name[128]; /* letters, digits, "-", "_" and "." */
    char from[128]; /* the safetensors file whose weights the run begins with, of such letters too; or "" */
    int64_t log_every, heldout_every, checkpoint_every; /* steps */
    int n_ctx, bos;
    size_t config_begin, config_end; /* where "config" stands in the text: the model's config.json */
} hs_recipe_info;
hs_status hs_recipe_describe(hs_bytes recipe, hs_detail *detail, hs_recipe_info *out);

/* A training recipe (docs/formats.md, "Recipe") over token ids: `train` and `heldout` must outlive the
 * trainer. Seeded: the same recipe and ids give the same weights, bit for bit. `from` is the file that the
 * recipe names, and only looked at if it names one: HS_ERECIPE if its sha256 is another, the loader's
 * errors if it is not of the recipe's shape. */
hs_status hs_trainer_new(hs_bytes recipe, hs_bytes from, const uint16_t *train, int64_t n_train, const uint16_t *heldout,
                         int64_t n_heldout, hs_detail *detail, hs_trainer **out);
void hs_trainer_free(hs_trainer *trainer);
/* One step is: hs_trainer_begin; hs_trainer_lane(0 .. HS_LANES - 1), in any order or at once in
 * several threads; hs_trainer_end. HS_EDIVERGED when the loss is not finite. */
void hs_trainer_begin(hs_trainer *trainer);
void hs_trainer_lane(hs_trainer *trainer, int lane);
hs_status hs_trainer_end(hs_trainer *trainer, hs_detail *detail, hs_progress *out);
hs_progress hs_trainer_progress(const hs_trainer *trainer);
const hs_model *hs_trainer_model(const hs_trainer *trainer);
/* Mean loss over the held-out ids, cut into n_ctx windows; at most max_windows of them, evenly spread. */
double hs_trainer_heldout(hs_trainer *trainer, int64_t max_windows);
/* The whole state (parameters, AdamW's moments, and "mark": the step and a hash of the recipe) as named
 * arrays for a safetensors file. Restoring continues as if never interrupted; HS_ECHECKPOINT, and nothing
 * changed, if the arrays are another recipe's. */
int hs_trainer_n_state(const hs_trainer *trainer);
hs_tensor hs_trainer_state(const hs_trainer *trainer, int i);
hs_status hs_trainer_restore(hs_trainer *trainer, const hs_tensor *tensors, int n, hs_detail *detail);

/* ---- safetensors ----------------------------------------------------------------------------- */

typedef enum hs_dtype { HS_F32, HS_F16, HS_BF16, HS_F64_, HS_OTHER } hs_dtype;

typedef struct hs_st_entry {
    const char *name; /* unescaped UTF-8 */
    hs_dtype dtype;
    int n_axes;
    int64_t shape[8];
    uint64_t begin, end; /* byte range inside the data part */
} hs_st_entry;

typedef struct hs_safetensors hs_safetensors;

/* Check a whole file (every rule of docs/formats.md, "safetensors") before anything is taken from it.
 * `bytes` must outlive the object. */
hs_status hs_safetensors_open(hs_bytes bytes, hs_detail *detail, hs_safetensors **out);
void hs_safetensors_close(hs_safetensors *file);
int hs_safetensors_count(const hs_safetensors *file);
const hs_st_entry *hs_safetensors_entry(const hs_safetensors *file, int i);
/* The entry's elements as hs_real into out[count]; HS_EDTYPE unless F32, F16, BF16 or F64. */
hs_status hs_safetensors_read(const hs_safetensors *file, int i, hs_detail *detail, hs_real *out);

/* Write tensors as one safetensors file: first the size, then the bytes into a buffer of that size.
 * dtype HS_F32 or HS_F16 (round to nearest even). `metadata_json` is an object of strings, or NULL. */
hs_status hs_safetensors_size(const hs_tensor *tensors, int n, hs_dtype dtype, const char *metadata_json,
                              hs_detail *detail, size_t *out);
void hs_safetensors_write(const hs_tensor *tensors, int n, hs_dtype dtype, const char *metadata_json,
                          void *out);

#endif
