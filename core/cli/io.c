/* io.c: files, whole. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

static hs_status fail_errno(hs_detail *detail, const char *what, const char *path)
{
    return hs_fail(detail, HS_EIO, "%s: %s: %s", path, what, strerror(errno));
}

/* Everything from `file` on; the size is a guess that a pipe does not have. */
static hs_status read_all(int file, const char *path, size_t guess, hs_detail *detail, char **out, size_t *size)
{
    size_t room = guess + 1, used = 0;
    char *data = malloc(room);
    for (;;) {
        if (!data)
            return hs_fail(detail, HS_EMEMORY, "%s: no memory for %zu bytes", path, room);
        ssize_t n = read(file, data + used, room - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0) {
                *out = data;
                *size = used;
                return HS_OK;
            }
            free(data);
            return fail_errno(detail, "cannot be read", path);
        }
        used += (size_t)n;
        if (used == room) {
            room *= 2;
            char *larger = realloc(data, room);
            if (!larger)
                free(data);
            data = larger;
        }
    }
}

hs_status hs_file_read(const char *path, hs_detail *detail, void **data, size_t *size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return fail_errno(detail, "cannot be opened", path);
    struct stat info;
    char *bytes = NULL;
    hs_status status = fstat(file, &info) ? fail_errno(detail, "cannot be read", path)
                                          : read_all(file, path, (size_t)info.st_size, detail, &bytes, size);
    close(file);
    if (status == HS_OK)
        *data = bytes;
    return status;
}

/* ---- writing ---- */

static bool write_all(int file, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(file, data, size);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
    }
    return fsync(file) == 0;
}

/* mkstemp makes files that only their owner reads; this one is to be like any other. */
static bool set_mode(int file)
{
    mode_t mask = umask(0);
    umask(mask);
    return fchmod(file, 0666 & ~mask) == 0;
}

static hs_status write_beside(char *beside, const char *path, const void *data, size_t size, hs_detail *detail)
{
    int file = mkstemp(beside);
    if (file < 0)
        return fail_errno(detail, "cannot be written", path);
    bool good = set_mode(file) && write_all(file, data, size);
    good = close(file) == 0 && good;
    if (good && rename(beside, path) == 0)
        return HS_OK;
    hs_status status = fail_errno(detail, "cannot be written", path);
    unlink(beside);
    return status;
}

hs_status hs_file_write(const char *path, const void *data, size_t size, hs_detail *detail)
{
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return hs_fail(detail, HS_EIO, "%s: cannot be written: it is no ordinary file", path);
    static const char TAIL[] = ".part-XXXXXX";
    size_t length = strlen(path);
    char *beside = malloc(length + sizeof TAIL);
    if (!beside)
        return hs_fail(detail, HS_EMEMORY, "no memory for a file name");
    memcpy(beside, path, length);
    memcpy(beside + length, TAIL, sizeof TAIL);
    hs_status status = write_beside(beside, path, data, size, detail);
    free(beside);
    return status;
}

hs_status hs_tensors_write(const char *path, const hs_tensor *tensors, int n, hs_dtype dtype, const char *metadata_json,
                           hs_detail *detail)
{
    size_t size = 0;
    HS_TRY(hs_safetensors_size(tensors, n, dtype, metadata_json, detail, &size));
    void *bytes = malloc(size);
    if (!bytes)
        return hs_fail(detail, HS_EMEMORY, "%s: no memory for %zu bytes", path, size);
    hs_safetensors_write(tensors, n, dtype, metadata_json, bytes);
    hs_status status = hs_file_write(path, bytes, size, detail);
    free(bytes);
    return status;
}

/* ---- safetensors as arrays ---- */

static hs_status read_array(const char *path, int i, hs_detail *detail, hs_tensor_file *out)
{
    const hs_st_entry *entry = hs_safetensors_entry(out->file, i);
    if (entry->n_axes > HS_MAX_AXES)
        return hs_fail(detail, HS_ERANK, "%s: %s has %d axes; the limit is %d", path, entry->name, entry->n_axes,
                       HS_MAX_AXES);
    hs_tensor *tensor = &out->tensors[i];
    *tensor = (hs_tensor){.name = entry->name, .n_axes = entry->n_axes, .count = 1};
    for (int axis = 0; axis < entry->n_axes; axis++) {
        tensor->shape[axis] = entry->shape[axis];
        tensor->count *= entry->shape[axis];
    }
    out->arrays[i] = malloc((size_t)tensor->count * sizeof(hs_real) + 1);
    if (!out->arrays[i])
        return hs_fail(detail, HS_EMEMORY, "%s: no memory for %s", path, entry->name);
    tensor->data = out->arrays[i];
    return hs_safetensors_read(out->file, i, detail, out->arrays[i]);
}

static hs_status read_arrays(const char *path, hs_detail *detail, hs_tensor_file *out)
{
    size_t size = 0;
    HS_TRY(hs_file_read(path, detail, &out->bytes, &size));
    HS_TRY(hs_safetensors_open((hs_bytes){out->bytes, size, path}, detail, &out->file));
    out->n = hs_safetensors_count(out->file);
    out->arrays = calloc((size_t)out->n + 1, sizeof *out->arrays);
    out->tensors = calloc((size_t)out->n + 1, sizeof *out->tensors);
    if (!out->arrays || !out->tensors)
        return hs_fail(detail, HS_EMEMORY, "%s: no memory for %d tensors", path, out->n);
    for (int i = 0; i < out->n; i++)
        HS_TRY(read_array(path, i, detail, out));
    return HS_OK;
}

hs_status hs_tensors_read(const char *path, hs_detail *detail, hs_tensor_file *out)
{
    hs_tensor_file file = {0};
    hs_status status = read_arrays(path, detail, &file);
    if (status == HS_OK)
        *out = file;
    else
        hs_tensors_free(&file);
    return status;
}

void hs_tensors_free(hs_tensor_file *file)
{
    for (int i = 0; file->arrays && i < file->n; i++)
        free(file->arrays[i]);
    free(file->arrays);
    free(file->tensors);
    hs_safetensors_close(file->file);
    free(file->bytes);
}
