/* read.c: the life of a reading: plan, units, differences, text. */
#include "read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const hs_reader *const READERS[] = {
#define READ(name, what) &hs_reader_##name,
#include "reads.def"
#undef READ
};

int hs_read_hooks(const hs_model *model, const char *globs[HS_READ_MAX_HOOKS])
{
    static const char *const ALL[] = {"hook_*", "*.hook_resid_*", "*.hook_attn_out", "*.hook_mlp_out", "*.hook_q",
                                      "*.hook_k", "*.hook_v", "*.hook_z", "*.hook_pre", "*.hook_post", "*.hook_scale",
                                      "*.hook_normalized"};
    int n = 0, n_hooks = hs_hook_count(model);
    for (size_t g = 0; g < sizeof ALL / sizeof ALL[0]; g++)
        for (int i = 0; i < n_hooks; i++) {
            hs_hook_info info;
            hs_hook_describe(model, i, 1, &info);
            if (hs_glob_match(ALL[g], info.name)) {
                globs[n++] = ALL[g];
                break;
            }
        }
    return n;
}

/* ---- memory ---- */

typedef union block {
    union block *next;
    double align[2];
} block;

void *hs_read_take(hs_reading *r, const hs_read_spec *spec, uint64_t count, size_t size)
{
    uint64_t bytes;
    bool fits = hs_mul_u64(count, size, &bytes) && bytes <= SIZE_MAX - sizeof(block);
    block *b = fits ? calloc(1, sizeof *b + (size_t)bytes) : NULL;
    if (!b) {
        hs_fail(spec->detail, HS_EMEMORY, "no memory for \"%s\"; ask for less of it", r->reader->name);
        return NULL;
    }
    b->next = r->blocks;
    r->blocks = b;
    r->bytes += bytes;
    return b + 1;
}

void hs_read_promise(hs_reading *r, uint64_t bytes)
{
    r->bytes += bytes;
}

hs_status hs_read_promise_run(hs_reading *r, const hs_run_spec *spec, hs_detail *detail)
{
    size_t bytes;
    HS_TRY(hs_run_size(r->model, spec, detail, &bytes));
    r->bytes += bytes;
    return HS_OK;
}

hs_status hs_read_array_new(hs_reading *r, const hs_read_spec *spec, const char *name, bool is_choice, const hs_axis_of *axes,
                            int *out)
{
    HS_ASSERT(r->n_arrays < HS_READ_ARRAYS);
    hs_read_out array = {.name = name, .is_choice = is_choice};
    uint64_t count = 1;
    bool fits = true;
    for (; axes->name; axes++) {
        array.axes[array.n_axes] = axes->name;
        array.shape[array.n_axes++] = axes->n;
        fits = fits && hs_mul_u64(count, (uint64_t)axes->n, &count);
    }
    int n_sides = r->side[1] && !is_choice && !r->together ? 2 : 1;
    for (int s = 0; s < n_sides; s++)
        if (!(array.data[s] = hs_read_take(r, spec, fits ? count : UINT64_MAX, sizeof(hs_real))))
            return HS_EMEMORY;
    *out = r->n_arrays;
    r->arrays[r->n_arrays++] = array;
    return HS_OK;
}

hs_status hs_read_inside(hs_reading *r, const hs_read_spec *spec, const hs_reader *reader, hs_reading **out)
{
    hs_reading *part = calloc(1, sizeof *part);
    if (!part)
        return hs_fail(spec->detail, HS_EMEMORY, "no memory for a reading");
    part->reader = reader;
    part->model = r->model;
    *out = part;
    HS_TRY(reader->plan(part, spec));
    r->bytes += part->bytes;
    return HS_OK;
}

int hs_read_show(hs_reading *r, const hs_reading *part, int array, const char *name)
{
    HS_ASSERT(r->n_arrays < HS_READ_ARRAYS);
    r->arrays[r->n_arrays] = part->arrays[array];
    r->arrays[r->n_arrays].name = name;
    return r->n_arrays++;
}

static int64_t count_of(const hs_read_out *array)
{
    int64_t count = 1;
    for (int i = 0; i < array->n_axes; i++)
        count *= array->shape[i];
    return count;
}

void hs_read_blank(hs_reading *r)
{
    for (int i = 0; i < r->n_arrays; i++)
        for (int64_t j = 0, n = count_of(&r->arrays[i]); j < n; j++)
            r->arrays[i].data[0][j] = (hs_real)NAN;
}

/* ---- the text ---- */

static void put_pair(hs_text *text, const char *key, const char *words)
{
    hs_text_put(text, text->used ? "," : "");
    hs_text_string(text, key);
    hs_text_put(text, ":");
    if (words)
        hs_text_string(text, words);
}

void hs_read_label(hs_reading *r, const char *axis, const char *label)
{
    hs_text *t = &r->axes;
    bool goes_on = r->open_axis && !strcmp(r->open_axis, axis);
    if (goes_on && t->used)
        t->used--; /* the bracket */
    else
        put_pair(t, axis, NULL);
    hs_text_put(t, goes_on ? "," : "[");
    hs_text_string(t, label);
    hs_text_put(t, "]");
    r->open_axis = axis;
}

void hs_read_convention(hs_reading *r, const char *of, const char *words)
{
    put_pair(&r->conventions, of, words);
}

void hs_read_value(hs_reading *r, const char *name, double value)
{
    put_pair(&r->values, name, NULL);
    hs_text_number(&r->values, value);
}

static void put_object(hs_text *text, const char *key, const hs_text *inside)
{
    put_pair(text, key, NULL);
    hs_text_put(text, "{");
    hs_text_put(text, inside->used ? inside->data : "");
    hs_text_put(text, "}");
    text->lost |= inside->lost;
}

static void put_arrays(hs_text *text, const hs_reading *r)
{
    hs_text_put(text, ",\"arrays\":[");
    for (int i = 0; i < r->n_arrays; i++) {
        const hs_read_out *array = &r->arrays[i];
        hs_text_put(text, i ? ",{\"name\":" : "{\"name\":");
        hs_text_string(text, array->name);
        hs_text_put(text, ",\"axes\":[");
        for (int a = 0; a < array->n_axes; a++) {
            hs_text_put(text, a ? "," : "");
            hs_text_string(text, array->axes[a]);
        }
        hs_text_put(text, "],\"shape\":[");
        for (int a = 0; a < array->n_axes; a++) {
            hs_text_put(text, a ? "," : "");
            hs_text_number(text, (double)array->shape[a]);
        }
        hs_text_put(text, "]}");
    }
    hs_text_put(text, "]");
}

static void write_text(hs_reading *r)
{
    hs_text *t = &r->text;
    hs_text_put(t, "{\"v\":1,\"read\":");
    hs_text_string(t, r->reader->name);
    hs_text_put(t, ",\"tokens\":");
    hs_text_number(t, r->n_tokens);
    put_object(t, "conventions", &r->conventions);
    put_object(t, "axes", &r->axes);
    put_arrays(t, r);
    put_object(t, "values", &r->values);
    hs_text_put(t, "}");
}

/* ---- life ---- */

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    static const char *const COMMON[] = {"v", "read", "ids", "edits", "runs", "minus", NULL}, *const OF_STUDIES[] = {"v", "read", "ids", NULL};
    hs_json_at root = hs_json_root(spec->json), at;
    if (hs_json_type_of(spec->json, root) != HS_JSON_OBJECT)
        return hs_fail(spec->detail, HS_ESPEC, "a reading document is an object, not %s", hs_json_type_name(spec->json, root));
    int64_t v = 1;
    if ((at = hs_spec_at(spec, "v")) >= 0 && (!hs_json_int(spec->json, at, &v) || v != 1))
        return hs_fail(spec->detail, HS_ESPEC, "v: this program reads version 1");
    const char *name = (at = hs_spec_at(spec, "read")) < 0 ? NULL : hs_json_string(spec->json, at);
    for (size_t i = 0; name && i < sizeof READERS / sizeof READERS[0]; i++)
        if (!strcmp(READERS[i]->name, name))
            r->reader = READERS[i];
    if (!r->reader)
        return name ? hs_fail(spec->detail, HS_ESPEC, "read: there is no reading \"%s\"", name)
                    : hs_fail(spec->detail, HS_ESPEC, "read: the name of a reading is needed here");
    for (hs_json_at item = hs_json_first(spec->json, root); item >= 0; item = hs_json_next(spec->json, item)) {
        const char *key = hs_json_key(spec->json, item);
        bool known = false;
        for (const char *const *f = r->reader->begin ? OF_STUDIES : COMMON; *f; f++)
            known = known || !strcmp(*f, key);
        for (const char *const *f = r->reader->fields; *f; f++)
            known = known || !strcmp(*f, key);
        if (!known)
            return hs_fail(spec->detail, HS_ESPEC, "%s: \"%s\" has no such field", key, name);
    }
    if (r->side[0] && r->reader->begin)
        return hs_fail(spec->detail, HS_ESPEC, "ids: \"%s\" does runs of its own and names their prompts in other fields", name);
    if (!r->side[0] && !r->reader->without_run)
        return hs_fail(spec->detail, HS_ESPEC, "ids: \"%s\" reads a run; say of which tokens", name);
    if (r->side[1] && r->side[1]->n_tokens != r->n_tokens)
        return hs_fail(spec->detail, HS_ESPEC, "minus: it has %d tokens and the run has %d; make them as many",
                       r->side[1]->n_tokens, r->n_tokens);
    return r->reader->plan(r, spec);
}

/* Readings look at many hooks: better a line now than a null pointer later. */
static hs_status check_captures(const hs_run *run, hs_detail *detail)
{
    const char *globs[HS_READ_MAX_HOOKS];
    int n = run ? hs_read_hooks(run->model, globs) : 0;
    for (hs_hook_walk walk = HS_HOOK_WALK; n && hs_hook_next(&run->model->cfg, &walk);) {
        hs_hook_info info = hs_run_shape(run, walk.hook, walk.layer);
        for (int g = 0; g < n; g++)
            if (hs_glob_match(globs[g], info.name) && !hs_run_is_own(run, walk.hook, walk.layer))
                return hs_fail(detail, HS_ESTATE, "%s was not captured, and readings need it", info.name);
    }
    return HS_OK;
}

hs_status hs_read_new(hs_model *model, const hs_run *run, const hs_run *minus, hs_bytes json, hs_detail *detail,
                      hs_reading **out)
{
    HS_TRY(check_captures(run, detail));
    HS_TRY(check_captures(minus, detail));
    hs_json *parsed;
    HS_TRY(hs_json_parse(json, detail, &parsed));
    hs_reading *r = calloc(1, sizeof *r);
    hs_status status = r ? HS_OK : hs_fail(detail, HS_EMEMORY, "no memory for a reading");
    if (r) {
        r->model = model;
        r->side[0] = run;
        r->side[1] = run ? minus : NULL;
        r->n_tokens = run ? run->n_tokens : 0;
        status = plan(r, &(hs_read_spec){parsed, detail, json});
        r->bytes += sizeof *r + r->axes.size + r->conventions.size + r->values.size;
    }
    hs_json_free(parsed);
    if (status != HS_OK) {
        hs_read_free(r);
        return status;
    }
    *out = r;
    return HS_OK;
}

/* What is -inf on both sides (a masked score) stays so. */
static void take_away(hs_reading *r)
{
    for (int i = 0; i < r->n_arrays; i++) {
        hs_read_out *array = &r->arrays[i];
        if (!array->data[1])
            continue;
        int64_t count = count_of(array);
        for (int64_t j = 0; j < count; j++)
            if (array->data[0][j] != array->data[1][j] || !isinf(array->data[0][j]))
                array->data[0][j] -= array->data[1][j];
    }
}

size_t hs_read_bytes(const hs_reading *r)
{
    return r->bytes < SIZE_MAX ? (size_t)r->bytes : SIZE_MAX;
}

hs_status hs_read_begin(hs_reading *r, hs_detail *detail)
{
    if (r->begun)
        return hs_fail(detail, HS_ESTATE, "the reading has begun already");
    if (r->bytes > SIZE_MAX)
        return hs_fail(detail, HS_EMEMORY, "\"%s\" needs %lld bytes, more than can be addressed", r->reader->name, (long long)r->bytes);
    if (r->reader->begin)
        HS_TRY(r->reader->begin(r, detail));
    r->begun = true;
    return HS_OK;
}

hs_read_work hs_read_progress(const hs_reading *r)
{
    return r->work;
}

bool hs_read_step(hs_reading *r)
{
    HS_ASSERT(r->begun);
    if (r->done)
        return false;
    int n_sides = r->side[1] && !r->together ? 2 : 1;
    if (r->at_side < n_sides) {
        if (r->reader->unit(r, r->at_side, r->at_unit++))
            return true;
        r->at_side++;
        r->at_unit = 0;
        return true;
    }
    take_away(r);
    if (r->reader->finish)
        r->reader->finish(r);
    r->done = true;
    return false;
}

void hs_read_free(hs_reading *r)
{
    if (!r)
        return;
    if (r->free_own)
        r->free_own(r);
    for (block *b = r->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    hs_text_free(&r->axes);
    hs_text_free(&r->conventions);
    hs_text_free(&r->values);
    hs_text_free(&r->text);
    free(r);
}

int hs_read_count(const hs_reading *r)
{
    return r->n_arrays;
}

hs_read_table hs_read_array(const hs_reading *r, int i)
{
    const hs_read_out *array = &r->arrays[i];
    hs_read_table table = {.tensor = {array->name, array->data[0], array->n_axes, {0}, count_of(array)}};
    memcpy(table.tensor.shape, array->shape, sizeof array->shape);
    memcpy(table.axes, array->axes, sizeof array->axes);
    return table;
}

const char *hs_read_text(hs_reading *r)
{
    hs_text_free(&r->text);
    write_text(r);
    return r->text.lost || !r->text.data ? NULL : r->text.data;
}
