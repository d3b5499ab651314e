/* recipe.c: see recipe.h. */
#include "recipe.h"

#include "error.h"
#include "json.h"

#include <math.h>
#include <string.h>

/* Where in the document we are, for error lines: the object and its path ("optimizer."). */
typedef struct place {
    const hs_json *json;
    hs_json_at object;
    const char *path;
    hs_detail *detail;
} place;

static hs_status into(const place *from, const char *key, const char *path, place *out)
{
    *out = *from;
    out->object = hs_json_get(from->json, from->object, key);
    out->path = path;
    if (out->object < 0 || hs_json_type_of(from->json, out->object) != HS_JSON_OBJECT)
        return hs_fail(from->detail, HS_ERECIPE, "%s%s: an object is needed here", from->path, key);
    return HS_OK;
}

/* Every key of the object stands in `known`, a list that ends in NULL. */
static hs_status only(const place *p, const char *const *known)
{
    const char *key = hs_json_unknown_key(p->json, p->object, known);
    return key ? hs_fail(p->detail, HS_ERECIPE, "%s%s: a recipe has no such field", p->path, key) : HS_OK;
}

static hs_status number(const place *p, const char *key, double min, double max, double *out)
{
    hs_json_at at = hs_json_get(p->json, p->object, key);
    if (at < 0 || !hs_json_number(p->json, at, out) || !(*out >= min && *out <= max))
        return hs_fail(p->detail, HS_ERECIPE, "%s%s: a number from %g to %g is needed here", p->path, key, min, max);
    return HS_OK;
}

static hs_status whole(const place *p, const char *key, int64_t min, int64_t max, int64_t *out)
{
    hs_json_at at = hs_json_get(p->json, p->object, key);
    if (at < 0 || !hs_json_int(p->json, at, out) || *out < min || *out > max)
        return hs_fail(p->detail, HS_ERECIPE, "%s%s: a whole number from %lld to %lld is needed here", p->path, key,
                       (long long)min, (long long)max);
    return HS_OK;
}

/* One of two words; *out is whether it is the second. */
static hs_status choice(const place *p, const char *key, const char *first, const char *second, bool *out)
{
    hs_json_at at = hs_json_get(p->json, p->object, key);
    const char *word = at < 0 ? NULL : hs_json_string(p->json, at);
    if (!word || (strcmp(word, first) && strcmp(word, second)))
        return hs_fail(p->detail, HS_ERECIPE, "%s%s: \"%s\" or \"%s\" is needed here", p->path, key, first, second);
    *out = !strcmp(word, second);
    return HS_OK;
}

/* Part of a file's name. */
static hs_status read_name(const place *p, const char *key, char *out, size_t size)
{
    hs_json_at at = hs_json_get(p->json, p->object, key);
    const char *name = at < 0 ? NULL : hs_json_string(p->json, at);
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (!name || !*name || *name == '.' || strlen(name) >= size || name[strspn(name, LETTERS)])
        return hs_fail(p->detail, HS_ERECIPE, "%s%s: up to %d letters, digits, '-', '_' and '.' are needed here", p->path, key,
                       (int)size - 1);
    strcpy(out, name);
    return HS_OK;
}

/* Another model's weights to begin from. */
static hs_status read_from(const place *p, hs_recipe *r)
{
    static const char *const KNOWN[] = {"from", "sha256", NULL};
    HS_TRY(only(p, KNOWN));
    hs_json_at at = hs_json_get(p->json, p->object, "sha256");
    const char *hex = at < 0 ? NULL : hs_json_string(p->json, at);
    if (!hex || strlen(hex) != 64 || hex[strspn(hex, "0123456789abcdef")])
        return hs_fail(p->detail, HS_ERECIPE, "%ssha256: 64 of 0-9 and a-f are needed here", p->path);
    strcpy(r->from_sha256, hex);
    return read_name(p, "from", r->info.from, sizeof r->info.from);
}

static hs_status read_init(const place *root, hs_recipe *r)
{
    static const char *const KNOWN[] = {"embed_std", "pos", "pos_base", "pos_amplitude", "proj", "proj_range",
                                        "unembed_std", NULL};
    place p;
    bool same;
    HS_TRY(into(root, "init", "init.", &p));
    if (hs_json_get(p.json, p.object, "from") >= 0)
        return read_from(&p, r);
    HS_TRY(only(&p, KNOWN));
    HS_TRY(number(&p, "embed_std", 0, 10, &r->embed_std));
    HS_TRY(choice(&p, "pos", "sinusoid", "sinusoid", &same));
    HS_TRY(number(&p, "pos_base", 1, 1e6, &r->pos_base));
    HS_TRY(number(&p, "pos_amplitude", 0, 10, &r->pos_amplitude));
    HS_TRY(choice(&p, "proj", "uniform", "uniform", &same));
    HS_TRY(number(&p, "proj_range", 0, 10, &r->proj_range));
    return number(&p, "unembed_std", 0, 10, &r->unembed_std);
}

static hs_status read_optimizer(const place *root, hs_recipe *r)
{
    static const char *const KNOWN[] = {"lr", "schedule", "warmup", "final_lr_fraction", "beta1", "beta2",
                                        "eps", "weight_decay", "clip", NULL};
    place p;
    HS_TRY(into(root, "optimizer", "optimizer.", &p));
    HS_TRY(only(&p, KNOWN));
    HS_TRY(number(&p, "lr", 0, 10, &r->lr));
    HS_TRY(choice(&p, "schedule", "constant", "cosine", &r->cosine));
    HS_TRY(whole(&p, "warmup", 0, 1000000, &r->warmup));
    HS_TRY(number(&p, "final_lr_fraction", 0, 1, &r->final_lr_fraction));
    HS_TRY(number(&p, "beta1", 0, 0.999999, &r->adamw.beta1));
    HS_TRY(number(&p, "beta2", 0, 0.999999, &r->adamw.beta2));
    HS_TRY(number(&p, "eps", 1e-30, 1, &r->adamw.eps));
    HS_TRY(number(&p, "weight_decay", 0, 10, &r->weight_decay));
    return number(&p, "clip", 1e-6, 1e9, &r->clip);
}

static hs_status read_repeats(const place *root, hs_recipe *r)
{
    static const char *const KNOWN[] = {"sequences", "min_segment", "max_segment", "odd", "even", "uniform_share", NULL};
    place p;
    int64_t n, min, max;
    bool unigram[2];
    HS_TRY(into(root, "repeats", "repeats.", &p));
    HS_TRY(only(&p, KNOWN));
    HS_TRY(whole(&p, "sequences", 0, r->batch, &n));
    HS_TRY(whole(&p, "min_segment", 1, r->config.n_ctx, &min));
    HS_TRY(whole(&p, "max_segment", min, r->config.n_ctx, &max));
    HS_TRY(choice(&p, "even", "text", "unigram", &unigram[0]));
    HS_TRY(choice(&p, "odd", "text", "unigram", &unigram[1]));
    HS_TRY(number(&p, "uniform_share", 0, 1, &r->uniform_share));
    r->repeat_sequences = (int)n;
    r->min_segment = (int)min;
    r->max_segment = (int)max;
    for (int i = 0; i < 2; i++)
        r->repeat[i] = unigram[i] ? HS_REPEAT_UNIGRAM : HS_REPEAT_TEXT;
    return HS_OK;
}

static hs_status read_data(const place *root, hs_recipe *r)
{
    static const char *const KNOWN[] = {"train", "heldout", "tokenizer_sha256", NULL};
    static const char *const PART[] = {"file", "sha256", "tokens", "ids_sha256", NULL};
    place p, train, heldout;
    HS_TRY(into(root, "data", "data.", &p));
    HS_TRY(only(&p, KNOWN));
    HS_TRY(into(&p, "train", "data.train.", &train));
    HS_TRY(only(&train, PART));
    HS_TRY(into(&p, "heldout", "data.heldout.", &heldout));
    HS_TRY(only(&heldout, PART));
    HS_TRY(whole(&train, "tokens", r->config.n_ctx + 1, INT64_MAX / 4, &r->train_tokens));
    return whole(&heldout, "tokens", 1, INT64_MAX / 4, &r->heldout_tokens);
}

static hs_status read_root(const place *root, hs_bytes text, hs_recipe *r)
{
    static const char *const KNOWN[] = {"v", "name", "config", "seed", "data", "bos", "init", "train_biases",
                                        "optimizer", "batch", "steps", "repeats", "log_every", "heldout_every",
                                        "checkpoint_every", NULL};
    if (hs_json_type_of(root->json, root->object) != HS_JSON_OBJECT)
        return hs_fail(root->detail, HS_ERECIPE, "a recipe is an object, not %s", hs_json_type_name(root->json, root->object));
    HS_TRY(only(root, KNOWN));
    int64_t v, seed, bos, batch;
    HS_TRY(whole(root, "v", 1, 1, &v));
    place config;
    HS_TRY(into(root, "config", "config.", &config));
    size_t begin = hs_json_offset(root->json, config.object), end = hs_json_end(root->json, config.object);
    hs_bytes part = {(const char *)text.data + begin, end - begin, "config"};
    HS_TRY(hs_config_read(part, root->detail, &r->config));
    if (r->config.n_ctx < 2)
        return hs_fail(root->detail, HS_ERECIPE, "config.n_ctx: training needs a context of at least 2 tokens");
    if (r->config.d_vocab > 65536 || r->config.d_vocab != r->config.d_vocab_out)
        return hs_fail(root->detail, HS_ERECIPE, "config.d_vocab: at most 65536, and equal to d_vocab_out");
    HS_TRY(whole(root, "seed", 0, INT64_MAX, &seed));
    HS_TRY(whole(root, "bos", 0, r->config.d_vocab - 1, &bos));
    HS_TRY(whole(root, "batch", 1, 4096, &batch));
    HS_TRY(whole(root, "steps", 1, 16777216, &r->steps));
    HS_TRY(whole(root, "log_every", 1, INT64_MAX, &r->info.log_every));
    HS_TRY(whole(root, "heldout_every", 1, INT64_MAX, &r->info.heldout_every));
    HS_TRY(whole(root, "checkpoint_every", 1, INT64_MAX, &r->info.checkpoint_every));
    if (!hs_json_bool(root->json, hs_json_get(root->json, root->object, "train_biases"), &r->train_biases))
        return hs_fail(root->detail, HS_ERECIPE, "train_biases: true or false is needed here");
    HS_TRY(read_name(root, "name", r->info.name, sizeof r->info.name));
    r->info.config_begin = begin;
    r->info.config_end = end;
    r->info.n_ctx = r->config.n_ctx;
    r->info.bos = (int)bos;
    r->seed = (uint64_t)seed;
    r->bos = (int32_t)bos;
    r->batch = (int)batch;
    HS_TRY(read_init(root, r));
    HS_TRY(read_optimizer(root, r));
    HS_TRY(read_repeats(root, r));
    return read_data(root, r);
}

hs_status hs_recipe_read(hs_bytes text, hs_detail *detail, hs_recipe *out)
{
    hs_json *json;
    HS_TRY(hs_json_parse(text, detail, &json));
    hs_recipe r;
    memset(&r, 0, sizeof r);
    place root = {json, hs_json_root(json), "", detail};
    hs_status status = read_root(&root, text, &r);
    hs_json_free(json);
    HS_TRY(status);
    r.hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text.size; i++)
        r.hash = (r.hash ^ ((const unsigned char *)text.data)[i]) * 0x100000001b3u;
    *out = r;
    return HS_OK;
}

hs_status hs_recipe_describe(hs_bytes text, hs_detail *detail, hs_recipe_info *out)
{
    hs_recipe r;
    HS_TRY(hs_recipe_read(text, detail, &r));
    *out = r.info;
    return HS_OK;
}
