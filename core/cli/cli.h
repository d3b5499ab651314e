/* cli.h: what the commands of `hs` share. A command gets the words after its name, returns a status
 * with its detail written, and prints to stdout only when nothing can fail any more; main.c prints the
 * error line. */
#ifndef HS_CLI_H
#define HS_CLI_H

#include "error.h"
#include "hs.h"
#include "hs_machine.h"

#include <stdio.h>

hs_status hs_cmd_info(int argc, char **argv, hs_detail *detail);
hs_status hs_cmd_hooks(int argc, char **argv, hs_detail *detail);
hs_status hs_cmd_run(int argc, char **argv, hs_detail *detail);
hs_status hs_cmd_grad(int argc, char **argv, hs_detail *detail);
hs_status hs_cmd_generate(int argc, char **argv, hs_detail *detail);
hs_status hs_cmd_process(int argc, char **argv, hs_detail *detail);
hs_status hs_cmd_train(int argc, char **argv, hs_detail *detail);
hs_status hs_cmd_bench(int argc, char **argv, hs_detail *detail);

/* The readings, one command each (read.c): whether there is one of this name; it, its own name first; their lines of the help. */
bool hs_cmd_is_reading(const char *name);
hs_status hs_cmd_read(const char *name, int argc, char **argv, hs_detail *detail);
void hs_cmd_print_readings(void);

/* ---- words (args.c) ---- */

/* A flag: one that takes a value for each time it is given, or (most == 0) a bare one. */
typedef struct hs_flag {
    const char *name; /* "--ids" */
    int most;         /* times it may be given with a value */
    int n;            /* times it was given */
    const char **values; /* [n] */
} hs_flag;

/* Split the words into exactly n_positional positional ones and the flags; HS_EUSAGE names the word that
 * does not fit. Free with hs_args_free, also after a failure. */
hs_status hs_args_read(int argc, char **argv, const char **positional, int n_positional, hs_flag *flags,
                       int n_flags, hs_detail *detail);
void hs_args_free(hs_flag *flags, int n_flags);
/* "1,2,3" -> ids; "" is no ids at all. HS_EUSAGE names `what`; a number beyond 32 bits is HS_ETOKENS.
 * Free *out. */
hs_status hs_args_ids(const char *text, const char *what, hs_detail *detail, int32_t **out, int *n);
/* A whole number from least to most. */
hs_status hs_args_int(const char *text, const char *what, int64_t least, int64_t most, hs_detail *detail,
                      int64_t *out);

/* ---- files (io.c) ---- */

/* The whole file; free *data. */
hs_status hs_file_read(const char *path, hs_detail *detail, void **data, size_t *size);
/* Whole or not at all: written beside, then renamed. */
hs_status hs_file_write(const char *path, const void *data, size_t size, hs_detail *detail);
/* Tensors as one safetensors file, dtype HS_F32 or HS_F16; metadata_json may be NULL. */
hs_status hs_tensors_write(const char *path, const hs_tensor *tensors, int n, hs_dtype dtype,
                           const char *metadata_json, hs_detail *detail);

/* A safetensors file as named arrays. */
typedef struct hs_tensor_file {
    void *bytes;
    hs_safetensors *file;
    hs_real **arrays;
    hs_tensor *tensors;
    int n;
} hs_tensor_file;
hs_status hs_tensors_read(const char *path, hs_detail *detail, hs_tensor_file *out);
void hs_tensors_free(hs_tensor_file *file);

/* ---- threads (pool.c) ---- */

/* The pool of HS_THREADS threads, which are started when it is first asked for; NULL for one. HS_EUSAGE if it is no
 * number of threads. */
hs_status hs_pool_of_program(hs_detail *detail, const hs_pool **out);

/* ---- models (folder.c) ---- */

/* MODEL of the command line: a folder with config.json and model.safetensors, or with
 * model.safetensors.index.json and its shards; or a .safetensors file with config.json beside it. */
hs_status hs_model_open(const char *path, hs_detail *detail, hs_model **out);

/* ---- JSON to stdout (print.c) ---- */

/* The shortest digits that read back as the same number; null for NaN and the infinities, which JSON
 * does not have. */
void hs_print_real(FILE *out, hs_real value);
void hs_print_double(FILE *out, double value);
void hs_print_string(FILE *out, const char *text);
void hs_print_shape(FILE *out, const int64_t *shape, int n_axes);

#endif
