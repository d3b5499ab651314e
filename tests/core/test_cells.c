/* test_cells.c: sweeps and ablations of random documents (lists of hooks, layers, heads and positions in any order, all
 * ways of ablating, prompts of any length to take means over, all metrics) in models of random shapes: every number has
 * the bits of single runs with one edit. */
#include "hs_read.h"
#include "kernels.h"
#include "metric.h"
#include "random_model.h"
#include "run.h"

#include <math.h>

enum { MOST_T = 9, MOST_CTX = 20, MOST_PROMPTS = 4, LOSS = 4 };
typedef enum op { ZERO, MEAN, POSITION_MEAN, RESAMPLE, SWEEP } op;
static const char *const OPS[] = {"zero", "mean", "position_mean", "resample"}, *const METRICS[] = {"logit_diff", "log_prob", "rank", "kl"};

typedef enum axis { WHAT, LAYER, POSITION, HEAD, DEST, SRC, NEURON, N_AXES } axis;
static const struct {
    const char *by;
    axis axes[5]; /* after "what" */
    int n;
    const char *what[14];
} BY[] = {
    {"layer", {LAYER}, 1, {"resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "pre", "mid", "post", "z", "q", "k", "v", "result"}},
    {"layer,position", {LAYER, POSITION}, 2, {"resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "pre", "mid", "post", "z", "q", "k", "v", "result"}},
    {"layer,head", {LAYER, HEAD}, 2, {"z", "q", "k", "v", "result", "pattern"}},
    {"layer,position,head", {LAYER, POSITION, HEAD}, 3, {"z", "q", "k", "v", "result", "pattern"}},
    {"layer,head,dest", {LAYER, HEAD, DEST}, 3, {"pattern"}},
    {"layer,head,dest,src", {LAYER, HEAD, DEST, SRC}, 4, {"pattern"}},
    {"layer,neuron", {LAYER, NEURON}, 2, {"pre", "mid", "post"}},
};

typedef struct prompt {
    int32_t ids[MOST_CTX];
    int n;
} prompt;

/* A document, and what it says. */
typedef struct study {
    hs_model *model;
    op op;
    int T, by, n_prompts, n_over, metric, position, correct, wrong; /* position: of the loss, from */
    bool noise;
    prompt prompts[MOST_PROMPTS], over[MOST_PROMPTS]; /* of a sweep: the runs that are patched, and those that are read */
    const char *what[4];
    char hooks[4][64]; /* ".attn.hook_z" */
    int n_what;
    int list[N_AXES][MOST_CTX], n[N_AXES]; /* along each axis */
    bool listed[N_AXES], what_listed, over_said;
} study;

static int below(uint64_t *state, int n)
{
    return (int)random_below(state, (uint64_t)n);
}

static bool hook_of(const hs_model *model, const char *what, char *out)
{
    for (int i = 0; i < hs_hook_count(model); i++) {
        hs_hook_info info;
        hs_hook_describe(model, i, 1, &info);
        const char *last = strrchr(info.name, '.');
        if (!strncmp(info.name, "blocks.0.", 9) && !strncmp(last, ".hook_", 6) && !strcmp(last + 6, what)) {
            strcpy(out, info.name + strlen("blocks.0"));
            return true;
        }
    }
    return false;
}

static prompt random_prompt(uint64_t *state, const hs_model *model, int n)
{
    prompt p = {.n = n};
    for (int t = 0; t < n; t++)
        p.ids[t] = below(state, model->cfg.d_vocab);
    return p;
}

/* Some of 0 .. n - 1 in any order; all of them in theirs when it is no list. */
static void choose(uint64_t *state, study *s, axis a, int n, bool may)
{
    s->n[a] = n;
    for (int i = 0; i < n; i++)
        s->list[a][i] = i;
    s->listed[a] = may && below(state, 2);
    if (!s->listed[a])
        return;
    for (int i = n - 1; i > 0; i--) {
        int j = below(state, i + 1), kept = s->list[a][i];
        s->list[a][i] = s->list[a][j];
        s->list[a][j] = kept;
    }
    s->n[a] = 1 + below(state, n);
}

static void choose_what(uint64_t *state, study *s)
{
    int n = 0;
    char hook[64];
    s->n_what = 0;
    s->by = below(state, 7);
    for (const char *const *w = BY[s->by].what; *w; w++)
        n += hook_of(s->model, *w, hook);
    if (!n) { /* no neurons */
        choose_what(state, s);
        return;
    }
    s->what_listed = BY[s->by].n < 4 && below(state, 4) == 0;
    int wanted = s->what_listed ? 1 + below(state, 3) : 1;
    for (int tries = 0; s->n_what < wanted && tries < 40; tries++) {
        const char *what = BY[s->by].what[below(state, 13)];
        bool fits = what && hook_of(s->model, what, s->hooks[s->n_what]) && !(s->op == MEAN && !strcmp(what, "pattern"));
        for (int i = 0; i < s->n_what; i++)
            fits = fits && s->what[i] != what;
        if (fits)
            s->what[s->n_what++] = what;
    }
    if (!s->n_what)
        choose_what(state, s);
}

static study random_study(uint64_t *state, hs_model *model)
{
    study s = {.model = model, .op = (op)below(state, 5)};
    const hs_config *cfg = &model->cfg;
    choose_what(state, &s);
    s.metric = below(state, s.op == SWEEP ? LOSS : LOSS + 2);
    s.T = (s.metric >= LOSS) + 1 + below(state, MOST_T - 1);
    s.n_prompts = 1 + below(state, 3);
    s.noise = below(state, 2);
    s.over_said = s.op == RESAMPLE || s.op == SWEEP || (s.op != ZERO && below(state, 3));
    s.n_over = !s.over_said || s.op == SWEEP ? s.n_prompts : 1 + below(state, MOST_PROMPTS);
    for (int i = 0; i < s.n_prompts; i++)
        s.prompts[i] = random_prompt(state, model, s.T);
    for (int i = 0; i < s.n_over; i++) {
        s.over[i] = !s.over_said ? s.prompts[i] : random_prompt(state, model, s.op == MEAN ? 1 + below(state, cfg->n_ctx) : s.T);
        if (s.op == SWEEP)
            memcpy(s.over[i].ids, s.prompts[i].ids, (size_t)below(state, s.T + 1) * sizeof(int32_t));
    }
    s.position = s.metric >= LOSS ? below(state, s.T - 1) : below(state, 3) ? s.T - 1 : below(state, s.T);
    s.metric = s.metric > LOSS ? LOSS : s.metric;
    s.correct = below(state, cfg->d_vocab_out);
    s.wrong = below(state, cfg->d_vocab_out);
    const int lengths[N_AXES] = {s.n_what, cfg->n_layers, s.T, cfg->n_heads, s.T, s.T, cfg->d_mlp};
    bool has_heads = false, has_positions = false;
    for (int i = 0; i < BY[s.by].n; i++) {
        has_heads |= BY[s.by].axes[i] == HEAD;
        has_positions |= BY[s.by].axes[i] == POSITION || BY[s.by].axes[i] == DEST;
    }
    for (int a = WHAT; a < N_AXES; a++)
        choose(state, &s, (axis)a, lengths[a],
               a == LAYER || (a == HEAD && has_heads) || (a == POSITION && has_positions && BY[s.by].axes[1] == POSITION) ||
               (a == DEST && has_positions && BY[s.by].axes[1] != POSITION));
    return s;
}

/* ---- the document ---- */

static int put_list(char *out, const char *before, const int32_t *list, int n)
{
    int used = sprintf(out, "%s[", before);
    for (int i = 0; i < n; i++)
        used += sprintf(out + used, "%s%d", i ? "," : "", (int)list[i]);
    return used + sprintf(out + used, "]");
}

static int put_prompts(char *out, const prompt *list, int n)
{
    int used = 0;
    for (int i = 0; i < n; i++)
        used += put_list(out + used, i ? "," : "[", list[i].ids, list[i].n);
    return used + sprintf(out + used, "]");
}

static void write_study(const study *s, char *out)
{
    static const struct {
        axis a;
        const char *key;
    } LISTS[] = {{LAYER, "layers"}, {HEAD, "heads"}, {POSITION, "positions"}, {DEST, "positions"}};
    out += sprintf(out, "{\"read\":\"%s\",\"by\":\"%s\",\"what\":%s", s->op == SWEEP ? "sweep" : "ablate", BY[s->by].by, s->what_listed ? "[" : "");
    for (int i = 0; i < s->n_what; i++)
        out += sprintf(out, "%s\"%s\"", i ? "," : "", s->what[i]);
    out += sprintf(out, "%s", s->what_listed ? "]" : "");
    for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++)
        if (s->listed[LISTS[i].a]) {
            int32_t list[MOST_CTX];
            for (int j = 0; j < s->n[LISTS[i].a]; j++) /* every other position from the end */
                list[j] = s->list[LISTS[i].a][j] - (i >= 2 && j % 2 ? s->T : 0);
            out += sprintf(out, ",\"%s\":", LISTS[i].key);
            out += put_list(out, "", list, s->n[LISTS[i].a]);
        }
    if (s->metric == LOSS)
        out += sprintf(out, ",\"metric\":{\"kind\":\"loss\",\"from\":%d}", s->position);
    else
        out += sprintf(out, ",\"metric\":{\"kind\":\"%s\",\"position\":%d,\"correct\":%d,\"wrong\":%d}", METRICS[s->metric], s->position, s->correct, s->wrong);
    if (s->op == SWEEP) {
        out += sprintf(out, ",\"direction\":\"%s\",\"pairs\":[", s->noise ? "noise" : "denoise");
        for (int i = 0; i < s->n_prompts; i++) {
            out += put_list(out, i ? ",{\"clean\":" : "{\"clean\":", (s->noise ? s->prompts : s->over)[i].ids, s->T);
            out += put_list(out, ",\"corrupted\":", (s->noise ? s->over : s->prompts)[i].ids, s->T);
            out += sprintf(out, "}");
        }
        sprintf(out, "]}");
        return;
    }
    out += sprintf(out, ",\"op\":\"%s\",\"prompts\":", OPS[s->op]);
    out += put_prompts(out, s->prompts, s->n_prompts);
    if (s->over_said) {
        out += sprintf(out, ",\"over\":");
        out += put_prompts(out, s->over, s->n_over);
    }
    sprintf(out, "}");
}

/* ---- single runs ---- */

static hs_run *run_of(const hs_model *model, const prompt *p, const hs_edits *edits, const char *capture)
{
    hs_detail detail = {""};
    hs_run_spec spec = {.ids = p->ids, .n_tokens = p->n, .edits = edits, .capture = &capture, .n_capture = capture ? 1 : 0};
    hs_run *run = NULL;
    if (!CHECK_STATUS(hs_run_new(model, &spec, &detail, &run), HS_OK, detail))
        exit(1);
    hs_run_forward(run);
    return run;
}

static double metric_of(const study *s, const prompt *p, const hs_run *run, const hs_run *clean)
{
    int V = s->model->cfg.d_vocab_out;
    if (s->metric != LOSS) {
        hs_metric metric = {(hs_metric_kind)s->metric, s->position, s->correct, s->wrong};
        return hs_metric_value(&metric, hs_run_logits(run) + s->position * V, hs_run_logits(clean) + s->position * V, V);
    }
    double sum = 0;
    for (int t = s->position; t + 1 < s->T; t++) {
        const hs_real *row = hs_run_logits(run) + t * V;
        sum += p->ids[t + 1] < V ? hs_logsumexp(row, V) - (double)row[p->ids[t + 1]] : (double)NAN;
    }
    return sum / (s->T - 1 - s->position);
}

/* The mean of a hook over the runs of `over`, as the vector "m" of the rows and columns that a cell sets. */
typedef struct mean {
    hs_real data[MOST_T * 512];
    hs_tensor tensor;
} mean;

static void take_mean(const study *s, hs_run *const *over, const char *name, const int *at, mean *out)
{
    static double sums[MOST_T * 512];
    hs_tensor t;
    hs_detail detail = {""};
    bool pattern = strstr(name, "pattern") != NULL;
    int H = s->model->cfg.n_heads, T = s->T;
    memset(sums, 0, sizeof sums);
    int64_t n = 0, width = 0, rows = s->op == MEAN ? 1 : T;
    for (int i = 0; i < s->n_over; i++) {
        CHECK_STATUS(hs_run_tensor(over[i], name, &detail, &t), HS_OK, detail);
        width = pattern ? (int64_t)H * T : t.count / s->over[i].n;
        for (int64_t j = 0; j < t.count; j++)
            sums[s->op == MEAN ? j % width : j] += (double)t.data[j];
        n += s->op == MEAN ? s->over[i].n : 1;
    }
    /* what the edit selects: heads, dims; the rows, unless one is for all */
    int h0 = at[HEAD] < 0 ? 0 : at[HEAD], h1 = at[HEAD] < 0 ? H : h0 + 1, p = at[POSITION] >= 0 ? at[POSITION] : at[DEST];
    int64_t r0 = rows == 1 || p < 0 ? 0 : p, r1 = rows == 1 ? 1 : p < 0 ? T : p + 1, used = 0;
    bool by_head = t.n_axes == 3 && !pattern;
    if (pattern) {
        int64_t s0 = at[SRC] < 0 ? 0 : at[SRC], s1 = at[SRC] < 0 ? T : s0 + 1;
        for (int64_t r = r0; r < r1; r++)
            for (int64_t c = s0; c < s1; c++)
                out->data[used++] = (hs_real)(sums[((int64_t)h0 * T + r) * T + c] / (double)n);
        out->tensor = (hs_tensor){"m", out->data, 2, {r1 - r0, s1 - s0}, used};
        return;
    }
    int64_t each = by_head ? width / H : width, c0 = by_head ? h0 * each : at[NEURON] < 0 ? 0 : at[NEURON], c1 = by_head ? h1 * each : at[NEURON] < 0 ? width : c0 + 1;
    for (int64_t r = r0; r < r1; r++)
        for (int64_t c = c0; c < c1; c++)
            out->data[used++] = (hs_real)(sums[r * width + c] / (double)n);
    out->tensor = by_head ? (hs_tensor){"m", out->data, 3, {r1 - r0, h1 - h0, each}, used} : (hs_tensor){"m", out->data, 2, {r1 - r0, c1 - c0}, used};
}

static void write_edit(const study *s, const int *at, char *out)
{
    static const char *const VALUES[] = {"\"op\":\"zero\"", "\"op\":\"set\",\"value\":{\"vector\":\"m\"}", "\"op\":\"set\",\"value\":{\"vector\":\"m\"}",
                                         "\"op\":\"patch\",\"value\":{\"run\":\"B\"}", "\"op\":\"patch\",\"value\":{\"run\":\"B\"}"};
    out += sprintf(out, "[{\"hook\":\"blocks.%d%s\",%s", at[LAYER], s->hooks[at[WHAT]], VALUES[s->op]);
    if (at[HEAD] >= 0)
        out += sprintf(out, ",\"heads\":[%d]", at[HEAD]);
    if (at[POSITION] >= 0 || at[DEST] >= 0)
        out += sprintf(out, ",\"positions\":[%d]", at[POSITION] >= 0 ? at[POSITION] : at[DEST]);
    if (at[SRC] >= 0)
        out += sprintf(out, ",\"sources\":[%d]", at[SRC]);
    if (at[NEURON] >= 0)
        out += sprintf(out, ",\"dims\":[%d,%d]", at[NEURON], at[NEURON] + 1);
    sprintf(out, "}]");
}

static void cell_at(const study *s, int64_t i, int at[N_AXES])
{
    for (int a = 0; a < N_AXES; a++)
        at[a] = -1;
    for (int k = BY[s->by].n - 1; k >= 0; k--) {
        axis a = BY[s->by].axes[k];
        int n = s->n[a];
        at[a] = s->list[a][i % n];
        i /= n;
    }
    at[WHAT] = (int)i;
}

/* One number, summed over the prompts. */
static double single(const study *s, hs_run *const *over, hs_run *const *base, const int *at)
{
    static mean m;
    char edit[400], name[80];
    double sum = 0;
    write_edit(s, at, edit);
    snprintf(name, sizeof name, "blocks.%d%s", at[LAYER], s->hooks[at[WHAT]]);
    if (s->op == MEAN || s->op == POSITION_MEAN)
        take_mean(s, over, name, at, &m);
    for (int p = 0; p < s->n_prompts; p++) {
        const char *B = "B";
        const hs_run *runs[] = {over[p % s->n_over]};
        hs_sources sources = {.run_names = &B, .runs = runs, .n_runs = 1, .vectors = &m.tensor, .n_vectors = 1};
        hs_detail detail = {""};
        hs_edits *edits = NULL;
        if (s->op == ZERO || s->op == RESAMPLE || s->op == SWEEP)
            sources.n_vectors = 0;
        if (!CHECK_STATUS(hs_edits_new(s->model, (hs_bytes){edit, strlen(edit), "edits"}, s->T, &sources, &detail, &edits), HS_OK, detail)) {
            printf("    %s\n", edit);
            exit(1);
        }
        hs_run *run = run_of(s->model, &s->prompts[p], edits, NULL);
        sum += metric_of(s, &s->prompts[p], run, s->op == SWEEP && !s->noise ? over[p] : base[p]);
        hs_run_free(run);
        hs_edits_free(edits);
    }
    return sum / s->n_prompts;
}

static bool compare(const study *s)
{
    static char text[8192];
    hs_detail detail = {""};
    hs_reading *reading = NULL;
    hs_run *over[MOST_PROMPTS], *base[MOST_PROMPTS];
    write_study(s, text);
    if (!CHECK_STATUS(hs_read_new(s->model, NULL, NULL, (hs_bytes){text, strlen(text), "spec.json"}, &detail, &reading), HS_OK, detail) ||
        !CHECK_STATUS(hs_read_begin(reading, &detail), HS_OK, detail)) {
        printf("    %s\n", text);
        return false;
    }
    while (hs_read_step(reading))
        ;
    hs_read_table table = hs_read_array(reading, 0);
    for (int i = 0; i < s->n_over; i++)
        over[i] = run_of(s->model, &s->over[i], NULL, "blocks.*");
    for (int i = 0; i < s->n_prompts; i++)
        base[i] = run_of(s->model, &s->prompts[i], NULL, NULL);
    int64_t n_wrong = 0, count = s->n_what;
    for (int k = 0; k < BY[s->by].n; k++)
        count *= s->n[BY[s->by].axes[k]];
    CHECK(count == table.tensor.count);
    for (int64_t i = 0; i < table.tensor.count && count == table.tensor.count; i++) {
        int at[N_AXES];
        cell_at(s, i, at);
        hs_real want = (hs_real)single(s, over, base, at), got = table.tensor.data[i];
        if (memcmp(&want, &got, sizeof want) && !(isnan(want) && isnan(got)) && !n_wrong++)
            printf("    cell %lld: %.9g, single runs %.9g\n", (long long)i, (double)got, (double)want);
    }
    if (!CHECK(n_wrong == 0))
        printf("    %lld of %lld: %s\n", (long long)n_wrong, (long long)count, text);
    for (int i = 0; i < s->n_over; i++)
        hs_run_free(over[i]);
    for (int i = 0; i < s->n_prompts; i++)
        hs_run_free(base[i]);
    hs_read_free(reading);
    return n_wrong == 0;
}

/* More from the command line: the first seed, and how many models. */
int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, n = argc > 2 ? strtoull(argv[2], NULL, 10) : 20;
    for (uint64_t seed = first; seed < first + n; seed++) {
        uint64_t state = seed;
        hs_model *model = random_model(&state, NULL);
        TEST("random studies are single runs, bit for bit: model %d", (int)seed);
        for (int k = 0; k < 12 && model->cfg.n_layers; k++) {
            study s = random_study(&state, model);
            compare(&s);
        }
        hs_model_free(model);
    }
    return HARNESS_END();
}
