/* folder.h: a folder with a small good model, and `hs` run in it. For the two test programs here, whose
 * command line is: HS FOLDER; HS is the program's absolute path, FOLDER is where a new folder for the model
 * is made, so that several may run at once. */
#ifndef HS_TEST_FOLDER_H
#define HS_TEST_FOLDER_H

#include "harness.h"
#include "model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *hs_program;
static char folder[1000];

/* ---- files ---- */

static void path_of(char *out, size_t size, const char *name)
{
    if (snprintf(out, size, "%s/%s", folder, name) >= (int)size)
        abort();
}

static void write_bytes(const char *name, const void *data, size_t size)
{
    char path[1400];
    path_of(path, sizeof path, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file)) {
        perror(path);
        exit(2);
    }
}

static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

/* Remove every file in the folder; those that had no business there are counted. */
static int sweep_folder(void)
{
    static const char *const KNOWN[] = {"config.json", "model.safetensors", "model.safetensors.index.json", "a.safetensors", "b.safetensors",
                                        "edits.json", "vectors.safetensors", "spec.json"};
    int n_strange = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[1400];
        bool known = entry->d_name[0] == '.';
        if (known)
            continue;
        for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
            known = known || !strcmp(entry->d_name, KNOWN[i]);
        n_strange += !known;
        path_of(path, sizeof path, entry->d_name);
        if (remove(path))
            perror(path);
    }
    if (dir)
        closedir(dir);
    return n_strange;
}

/* ---- a good model ---- */

static const char CONFIG[] =
    "{\"model_type\":\"hooked_transformer\",\"n_layers\":1,\"d_model\":6,\"n_ctx\":5,\"d_head\":3,\"n_heads\":2,\"d_vocab\":7,\"act_fn\":\"relu\"}";

static hs_model *good_model;
static unsigned char *good_weights;
static size_t good_size, header_size;

static void make_good(void)
{
    hs_detail detail = {""};
    hs_config cfg;
    hs_tensor tensors[64];
    if (hs_config_read((hs_bytes){CONFIG, sizeof CONFIG - 1, NULL}, &detail, &cfg) || hs_model_new(&cfg, &detail, &good_model))
        abort();
    int n = hs_model_n_params(good_model);
    for (int i = 0; i < n; i++) {
        tensors[i] = hs_model_param(good_model, i);
        for (int64_t j = 0; j < tensors[i].count; j++)
            ((hs_real *)tensors[i].data)[j] = (hs_real)((j * 7 + i) % 11) / 8 - (hs_real)0.5;
    }
    if (hs_safetensors_size(tensors, n, HS_F32, NULL, &detail, &good_size))
        abort();
    good_weights = malloc(good_size);
    hs_safetensors_write(tensors, n, HS_F32, NULL, good_weights);
    header_size = (size_t)(good_weights[0] | good_weights[1] << 8);
}

static void write_good(void)
{
    sweep_folder();
    write_text("config.json", CONFIG);
    write_bytes("model.safetensors", good_weights, good_size);
}

/* ---- running hs ---- */

typedef struct outcome {
    int code; /* -1: killed by a signal */
    char out[8192], err[1024];
} outcome;

static void read_back(int file, char *text, size_t size)
{
    size_t used = 0;
    ssize_t n;
    while (used + 1 < size && (n = read(file, text + used, size - 1 - used)) > 0)
        used += (size_t)n;
    text[used] = 0;
    close(file);
}

/* The output goes to unnamed files, so that no pipe can fill. */
static int unnamed_file(void)
{
    char path[] = "/tmp/hs-hostile-XXXXXX";
    int file = mkstemp(path);
    if (file < 0)
        abort();
    unlink(path);
    return file;
}

#define WORDS(...) (const char *const[]){__VA_ARGS__, NULL}

static outcome run_hs(const char *const *words)
{
    const char *argv[32] = {hs_program};
    for (int i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    outcome o = {.code = -1};
    int out = unnamed_file(), err = unnamed_file(), status;
    pid_t child = fork();
    if (child == 0) {
        dup2(out, 1);
        dup2(err, 2);
        if (chdir(folder) == 0)
            execv(hs_program, (char *const *)(void *)argv);
        _exit(127);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status))
        o.code = WEXITSTATUS(status);
    lseek(out, 0, SEEK_SET);
    lseek(err, 0, SEEK_SET);
    read_back(out, o.out, sizeof o.out);
    read_back(err, o.err, sizeof o.err);
    return o;
}

/* The words of the command line; the folder and the model are made. */
static void begin(int argc, char **argv)
{
    if (argc != 3 || argv[1][0] != '/') {
        fprintf(stderr, "%s HS FOLDER, HS an absolute path\n", argv[0]);
        exit(2);
    }
    hs_program = argv[1];
    snprintf(folder, sizeof folder, "%s/model-XXXXXX", argv[2]);
    if (!mkdtemp(folder)) {
        perror(folder);
        exit(2);
    }
    make_good();
}

static int end(void)
{
    hs_model_free(good_model);
    free(good_weights);
    sweep_folder();
    rmdir(folder);
    return HARNESS_END();
}

#endif
