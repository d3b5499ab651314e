/* train.c: hs train RECIPE.json --data DIR --out DIR [--resume F] [--until STEP] [--threads N]
 *
 * DIR of --data holds NAME.train.u16 and NAME.heldout.u16 (models/encode.mjs), NAME being the recipe's, and
 * the model that the recipe begins from, if it names one. Into --out go log.jsonl (one object a line),
 * checkpoint.safetensors, and the model itself: config.json and model.safetensors (F16), at each checkpoint
 * and at the end. A signal to stop is obeyed after the step, with a checkpoint, as is --until; a kill loses
 * the steps since the last one. */
#include "cli.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_PATH = 4096, MAX_THREADS = 64, PROBES = 4, SEGMENT = 64 };

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number)
{
    (void)number;
    asked_to_stop = 1;
}

typedef struct job {
    const char *recipe_path, *data, *out, *resume;
    int n_threads;
    int64_t until;
    hs_bytes recipe, from;
    hs_recipe_info info;
    hs_trainer *trainer;
    void *train, *heldout;
    size_t train_bytes, heldout_bytes;
    hs_detail *detail;
} job;

/* ---- threads ---- */

typedef struct share {
    hs_trainer *trainer;
    int first, step;
} share;

static void *do_lanes(void *argument)
{
    const share *s = argument;
    for (int lane = s->first; lane < HS_LANES; lane += s->step)
        hs_trainer_lane(s->trainer, lane);
    return NULL;
}

/* The lanes of one step over n threads, this one included; a thread that cannot be had is done here. */
static void do_step(hs_trainer *trainer, int n)
{
    pthread_t threads[MAX_THREADS];
    share shares[MAX_THREADS];
    bool started[MAX_THREADS] = {false};
    for (int i = 0; i < n; i++) {
        shares[i] = (share){trainer, i, n};
        started[i] = i > 0 && pthread_create(&threads[i], NULL, do_lanes, &shares[i]) == 0;
    }
    for (int i = 0; i < n; i++)
        if (!started[i])
            do_lanes(&shares[i]);
    for (int i = 0; i < n; i++)
        if (started[i])
            pthread_join(threads[i], NULL);
}

/* ---- what the log says of the heads ---- */

/* The best previous-token score of layer 0 and the best induction score of the last layer, on a few
 * sequences of tokens drawn from the training text (seeded) and repeated once: the phase change. */
static hs_status probe_heads(const job *j, double *previous, double *induction)
{
    const hs_model *model = hs_trainer_model(j->trainer);
    const hs_config *cfg = hs_model_config(model);
    int half = (cfg->n_ctx - 1) / 2 < SEGMENT ? (cfg->n_ctx - 1) / 2 : SEGMENT, T = 1 + 2 * half, n_counted;
    *previous = *induction = 0;
    if (cfg->n_layers == 0 || half < 1)
        return HS_OK;
    static const char *const CAPTURE[] = {"blocks.*.attn.hook_pattern"};
    int32_t *ids = calloc((size_t)T, sizeof *ids);
    hs_head_scores *scores = calloc((size_t)cfg->n_heads, sizeof *scores);
    double *sums = calloc((size_t)cfg->n_heads * 2, sizeof *sums);
    hs_run_spec spec = {.ids = ids, .n_tokens = T, .capture = CAPTURE, .n_capture = 1};
    hs_run *run = NULL;
    hs_status status = ids && scores && sums ? hs_run_new(model, &spec, j->detail, &run) : HS_EMEMORY;
    uint64_t state = 12345;
    for (int probe = 0; probe < PROBES && status == HS_OK; probe++) {
        ids[0] = j->info.bos;
        for (int i = 0; i < half; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            ids[1 + i] = ids[1 + half + i] = ((const uint16_t *)j->train)[(state >> 33) % (j->train_bytes / 2)];
        }
        status = hs_run_set_ids(run, ids, j->detail);
        if (status != HS_OK)
            break;
        hs_run_forward(run);
        int n = hs_run_n_captured(run) - 1; /* the logits are the last */
        hs_detect_heads(hs_run_captured(run, 0).data, ids, cfg->n_heads, T, scores, &n_counted);
        for (int h = 0; h < cfg->n_heads; h++)
            sums[h] += (double)scores[h].previous / PROBES;
        hs_detect_heads(hs_run_captured(run, n - 1).data, ids, cfg->n_heads, T, scores, &n_counted);
        for (int h = 0; h < cfg->n_heads; h++)
            sums[cfg->n_heads + h] += (double)scores[h].induction / PROBES;
    }
    for (int h = 0; sums && h < cfg->n_heads; h++) {
        *previous = sums[h] > *previous ? sums[h] : *previous;
        *induction = sums[cfg->n_heads + h] > *induction ? sums[cfg->n_heads + h] : *induction;
    }
    hs_run_free(run);
    free(sums);
    free(scores);
    free(ids);
    return status;
}

/* ---- files ---- */

static void path_in(char *out, const char *folder, const char *name, const char *suffix)
{
    snprintf(out, MAX_PATH, "%s/%s%s", folder, name, suffix);
}

static hs_status save(const job *j)
{
    char path[MAX_PATH];
    int n_state = hs_trainer_n_state(j->trainer), n_params = hs_model_n_params(hs_trainer_model(j->trainer));
    hs_tensor *tensors = calloc((size_t)n_state, sizeof *tensors);
    if (!tensors)
        return HS_EMEMORY;
    for (int i = 0; i < n_state; i++)
        tensors[i] = hs_trainer_state(j->trainer, i);
    path_in(path, j->out, "checkpoint", ".safetensors");
    hs_status status = hs_tensors_write(path, tensors, n_state, HS_F32, NULL, j->detail);
    for (int i = 0; i < n_params; i++)
        tensors[i] = hs_model_param(hs_trainer_model(j->trainer), i);
    path_in(path, j->out, "model", ".safetensors");
    if (status == HS_OK)
        status = hs_tensors_write(path, tensors, n_params, HS_F16, NULL, j->detail);
    free(tensors);
    path_in(path, j->out, "config", ".json");
    const char *config = (const char *)j->recipe.data + j->info.config_begin;
    return status == HS_OK ? hs_file_write(path, config, j->info.config_end - j->info.config_begin, j->detail) : status;
}

static hs_status restore(const job *j)
{
    hs_tensor_file file;
    HS_TRY(hs_tensors_read(j->resume, j->detail, &file));
    hs_status status = hs_trainer_restore(j->trainer, file.tensors, file.n, j->detail);
    hs_tensors_free(&file);
    return status;
}

/* Keep of an earlier log the lines up to `step`, so that a resumed log reads as an uninterrupted one. */
static hs_status trim_log(const job *j, const char *path, int64_t step)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return HS_OK;
    fclose(f);
    void *bytes;
    size_t size;
    HS_TRY(hs_file_read(path, j->detail, &bytes, &size));
    const char *begin = bytes, *end = begin + size, *at = begin;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        long long line_step;
        if (!newline || sscanf(at, "{\"step\":%lld,", &line_step) != 1 || line_step > step)
            break;
        at = newline + 1;
    }
    hs_status status = hs_file_write(path, bytes, (size_t)(at - begin), j->detail);
    free(bytes);
    return status;
}

/* ---- the loop ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static hs_status train(job *j, FILE *log)
{
    hs_progress p = hs_trainer_progress(j->trainer);
    double began = seconds(), first = (double)p.step, average = 0;
    int64_t n_averaged = 0;
    while (p.step < p.n_steps && p.step < j->until && !asked_to_stop) {
        hs_trainer_begin(j->trainer);
        do_step(j->trainer, j->n_threads);
        hs_status status = hs_trainer_end(j->trainer, j->detail, &p);
        if (status != HS_OK)
            return status;
        average += p.loss;
        n_averaged++;
        bool last = p.step == p.n_steps;
        bool evaluates = last || p.step % j->info.heldout_every == 0;
        if (last || evaluates || p.step % j->info.log_every == 0) {
            double took = seconds() - began, rate = ((double)p.step - first) / took;
            double tokens_each = (double)p.tokens / (double)p.step;
            fprintf(log, "{\"step\":%lld,\"tokens\":%lld,\"loss\":%.6g,\"lr\":%.6g,\"grad_norm\":%.6g", (long long)p.step,
                    (long long)p.tokens, p.loss, p.lr, p.grad_norm);
            fprintf(stderr, "step %lld/%lld  tokens %.2f M  loss %.4f  %.0f tokens/s  %.0f s left", (long long)p.step,
                    (long long)p.n_steps, (double)p.tokens / 1e6, average / (double)n_averaged, rate * tokens_each,
                    (double)(p.n_steps - p.step) / rate);
            average = 0;
            n_averaged = 0;
            if (evaluates) {
                double previous, induction, heldout = hs_trainer_heldout(j->trainer, last ? INT64_MAX : 64);
                status = probe_heads(j, &previous, &induction);
                if (status != HS_OK)
                    return status;
                fprintf(log, ",\"heldout\":%.6g,\"previous\":%.4g,\"induction\":%.4g", heldout, previous, induction);
                fprintf(stderr, "  held-out %.4f  previous %.2f  induction %.2f", heldout, previous, induction);
            }
            fprintf(log, "}\n");
            fflush(log);
            fprintf(stderr, "\n");
        }
        if (!last && p.step % j->info.checkpoint_every == 0) {
            status = save(j);
            if (status != HS_OK)
                return status;
        }
    }
    return save(j);
}

static hs_status load(job *j)
{
    char path[MAX_PATH];
    void *recipe;
    size_t size;
    hs_status status = hs_file_read(j->recipe_path, j->detail, &recipe, &size);
    if (status != HS_OK)
        return status;
    j->recipe = (hs_bytes){recipe, size, j->recipe_path};
    status = hs_recipe_describe(j->recipe, j->detail, &j->info);
    path_in(path, j->data, j->info.name, ".train.u16");
    if (status == HS_OK)
        status = hs_file_read(path, j->detail, &j->train, &j->train_bytes);
    path_in(path, j->data, j->info.name, ".heldout.u16");
    if (status == HS_OK)
        status = hs_file_read(path, j->detail, &j->heldout, &j->heldout_bytes);
    if (status == HS_OK && *j->info.from) {
        void *from = NULL;
        path_in(path, j->data, j->info.from, "");
        status = hs_file_read(path, j->detail, &from, &size);
        j->from = (hs_bytes){from, size, j->info.from};
    }
    if (status == HS_OK)
        status = hs_trainer_new(j->recipe, j->from, j->train, (int64_t)(j->train_bytes / 2), j->heldout,
                                (int64_t)(j->heldout_bytes / 2), j->detail, &j->trainer);
    return status == HS_OK && j->resume ? restore(j) : status;
}

hs_status hs_cmd_train(int argc, char **argv, hs_detail *detail)
{
    job j = {.n_threads = 2, .until = INT64_MAX, .detail = detail};
    enum { DATA, OUT, RESUME, UNTIL, THREADS, N_FLAGS };
    hs_flag flags[N_FLAGS] = {{"--data", 1, 0, NULL}, {"--out", 1, 0, NULL}, {"--resume", 1, 0, NULL}, {"--until", 1, 0, NULL}, {"--threads", 1, 0, NULL}};
    hs_status status = hs_args_read(argc, argv, &j.recipe_path, 1, flags, N_FLAGS, detail);
    if (status == HS_OK && (!flags[DATA].n || !flags[OUT].n))
        status = hs_fail(detail, HS_EUSAGE, "hs train RECIPE.json --data DIR --out DIR [--resume F] [--until STEP] [--threads N]");
    if (status == HS_OK && flags[UNTIL].n)
        status = hs_args_int(flags[UNTIL].values[0], "--until", 0, INT64_MAX, detail, &j.until);
    int64_t n_threads = 2;
    if (status == HS_OK && flags[THREADS].n)
        status = hs_args_int(flags[THREADS].values[0], "--threads", 1, MAX_THREADS, detail, &n_threads);
    if (status == HS_OK) {
        j.data = flags[DATA].values[0];
        j.out = flags[OUT].values[0];
        j.resume = flags[RESUME].n ? flags[RESUME].values[0] : NULL;
        j.n_threads = (int)n_threads;
        status = load(&j);
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    FILE *log = NULL;
    if (status == HS_OK) {
        char path[MAX_PATH];
        path_in(path, j.out, "log", ".jsonl");
        status = trim_log(&j, path, hs_trainer_progress(j.trainer).step);
        log = status == HS_OK ? fopen(path, "ab") : NULL;
        if (status == HS_OK && !log)
            status = hs_fail(detail, HS_EIO, "%s cannot be written; does the folder exist?", path);
    }
    if (status == HS_OK)
        status = train(&j, log);
    if (log)
        fclose(log);
    hs_trainer_free(j.trainer);
    free(j.train);
    free(j.heldout);
    free((void *)j.recipe.data);
    free((void *)j.from.data);
    hs_args_free(flags, N_FLAGS);
    return status;
}
