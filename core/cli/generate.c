/* generate.c: hs generate: a text continued, from a generation document. */
#include "cli.h"
#include "hs_generate.h"
#include "prompt.h"

#include <stdlib.h>

enum { MOST_TOP = 100 };

typedef struct work {
    hs_bytes document;
    hs_detail *detail;
    hs_model *model;
    hs_tensor_file vectors;
    hs_prompt prompt;
    hs_generation *generation;
} work;

static hs_status write_logits(const work *w, const char *path)
{
    int64_t n = hs_generate_count(w->generation), V = hs_model_config(w->model)->d_vocab_out;
    /* Each token's logits are the row after those of the token before. */
    hs_tensor logits = {"logits", hs_generate_logits(w->generation, 0), 2, {n, V}, n * V};
    return hs_tensors_write(path, &logits, 1, HS_F32, NULL, w->detail);
}

static void print_number(const char *field, double value)
{
    printf(",\"%s\":", field);
    hs_print_double(stdout, value);
}

static void print_token(const work *w, int i)
{
    int n = hs_model_config(w->model)->d_vocab_out, k = hs_generate_k(w->generation);
    int32_t ids[MOST_TOP];
    hs_real logits[MOST_TOP], probs[MOST_TOP];
    hs_generated token = hs_generate_token(w->generation, i);
    hs_top_k(hs_generate_logits(w->generation, i), n, k, ids, logits, probs);
    printf("%s\n{\"id\":%d", i ? "," : "", token.id);
    print_number("prob", token.prob);
    print_number("log_prob", token.log_prob);
    print_number("entropy", token.entropy);
    print_number("drawn", token.drawn);
    print_number("kl", token.kl);
    print_number("twin_log_prob", token.twin_log_prob);
    printf(",\"top_ids\":[");
    for (int j = 0; j < k; j++)
        printf(j ? ",%d" : "%d", ids[j]);
    printf("],\"top_probs\":[");
    for (int j = 0; j < k; j++) {
        fputs(j ? "," : "", stdout);
        hs_print_real(stdout, probs[j]);
    }
    fputs("]}", stdout);
}

/* The runs that the edits name, if this is an object at all; what else is wrong the library says. */
static hs_status read_prompt(work *w)
{
    hs_json *json;
    HS_TRY(hs_json_parse(w->document, w->detail, &json));
    hs_json_at root = hs_json_root(json);
    hs_status status = HS_OK;
    if (hs_json_get(json, root, "runs") >= 0)
        status = hs_prompt_read(w->model, json, root, w->document, "", w->vectors.tensors, w->vectors.n, w->detail, &w->prompt);
    if (status == HS_OK)
        status = hs_prompt_do_runs(&w->prompt, w->detail);
    hs_json_free(json);
    return status;
}

static hs_status carry_out(work *w, const char *out)
{
    HS_TRY(read_prompt(w));
    hs_sources sources = hs_prompt_sources(&w->prompt);
    sources.vectors = w->vectors.tensors;
    sources.n_vectors = w->vectors.n;
    HS_TRY(hs_generate_new(w->model, w->document, &sources, w->detail, &w->generation));
    while (hs_generate_step(w->generation))
        ;
    if (out)
        HS_TRY(write_logits(w, out));
    printf("{\"v\":1,\"end\":\"%s\",\"tokens\":[", hs_generate_end(w->generation));
    for (int i = 0; i < hs_generate_count(w->generation); i++)
        print_token(w, i);
    printf("]}\n");
    return HS_OK;
}

static hs_status read_document(work *w, const char *const *paths, const hs_flag *vectors, const hs_flag *out)
{
    HS_TRY(hs_model_open(paths[0], w->detail, &w->model));
    void *text = NULL;
    size_t size = 0;
    HS_TRY(hs_file_read(paths[1], w->detail, &text, &size));
    w->document = (hs_bytes){text, size, paths[1]};
    hs_status status = vectors->n ? hs_tensors_read(vectors->values[0], w->detail, &w->vectors) : HS_OK;
    if (status == HS_OK)
        status = carry_out(w, out->n ? out->values[0] : NULL);
    hs_generate_free(w->generation);
    hs_prompt_free(&w->prompt);
    hs_tensors_free(&w->vectors);
    free(text);
    return status;
}

hs_status hs_cmd_generate(int argc, char **argv, hs_detail *detail)
{
    const char *paths[2];
    hs_flag flags[] = {{.name = "--vectors", .most = 1}, {.name = "--out", .most = 1}};
    work w = {.detail = detail};
    hs_status status = hs_args_read(argc, argv, paths, 2, flags, 2, detail);
    if (status == HS_OK)
        status = read_document(&w, paths, &flags[0], &flags[1]);
    hs_model_free(w.model);
    hs_args_free(flags, 2);
    return status;
}
