/* heads.c: hs heads: what each attention head does on a prompt. */
#include "cli.h"

#include <stdlib.h>

static hs_status print_layer(const hs_run *run, const int32_t *ids, int layer, hs_head_scores *scores, hs_detail *detail)
{
    const hs_config *cfg = hs_model_config(hs_run_model(run));
    char name[64];
    hs_tensor pattern;
    int n_counted;
    hs_format(name, sizeof name, "blocks.%d.attn.hook_pattern", layer);
    HS_TRY(hs_run_tensor(run, name, detail, &pattern));
    hs_detect_heads(pattern.data, ids, cfg->n_heads, hs_run_n_tokens(run), scores, &n_counted);
    if (layer == 0)
        printf("\"duplicates\":%d,\"heads\":[", n_counted);
    for (int h = 0; h < cfg->n_heads; h++) {
        printf("%s\n{\"layer\":%d,\"head\":%d,\"previous\":", layer || h ? "," : "", layer, h);
        hs_print_real(stdout, scores[h].previous);
        printf(",\"duplicate\":");
        hs_print_real(stdout, scores[h].duplicate);
        printf(",\"induction\":");
        hs_print_real(stdout, scores[h].induction);
        putchar('}');
    }
    return HS_OK;
}

static hs_status print_heads(const hs_model *model, const int32_t *ids, int n_ids, hs_detail *detail)
{
    const hs_config *cfg = hs_model_config(model);
    const char *patterns = "blocks.*.attn.hook_pattern";
    hs_run_spec spec = {.ids = ids, .n_tokens = n_ids, .capture = &patterns, .n_capture = cfg->n_layers > 0};
    hs_run *run;
    HS_TRY(hs_run_new(model, &spec, detail, &run));
    hs_head_scores *scores = calloc((size_t)cfg->n_heads, sizeof *scores);
    hs_status status = scores ? HS_OK : hs_fail(detail, HS_EMEMORY, "no memory for the scores");
    if (scores) {
        hs_run_forward(run);
        printf("{\"v\":1,\"tokens\":%d,", n_ids);
        if (cfg->n_layers == 0)
            printf("\"duplicates\":0,\"heads\":[");
        for (int l = 0; status == HS_OK && l < cfg->n_layers; l++)
            status = print_layer(run, ids, l, scores, detail);
        printf("]}\n");
    }
    free(scores);
    hs_run_free(run);
    return status;
}

static hs_status score_heads(const char *path, const hs_flag *flag, hs_detail *detail)
{
    if (!flag->n)
        return hs_fail(detail, HS_EUSAGE, "--ids is missing");
    int32_t *ids;
    int n_ids;
    HS_TRY(hs_args_ids(flag->values[0], "--ids", detail, &ids, &n_ids));
    hs_model *model = NULL;
    hs_status status = hs_model_open(path, detail, &model);
    if (status == HS_OK)
        status = print_heads(model, ids, n_ids, detail);
    hs_model_free(model);
    free(ids);
    return status;
}

hs_status hs_cmd_heads(int argc, char **argv, hs_detail *detail)
{
    const char *path;
    hs_flag flags[] = {{.name = "--ids", .most = 1}};
    hs_status status = hs_args_read(argc, argv, &path, 1, flags, 1, detail);
    if (status == HS_OK)
        status = score_heads(path, &flags[0], detail);
    hs_args_free(flags, 1);
    return status;
}
