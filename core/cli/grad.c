/* grad.c: hs grad: the gradients of one metric, from a gradient document. */
#include "cli.h"

#include <stdlib.h>

/* Hook gradients in the order of the forward pass, then those of the parameters. */
static hs_status write_gradients(const hs_model *model, const hs_grad *grad, const char *path, hs_detail *detail)
{
    int n_hooks = hs_grad_n_hooks(grad), n_params = hs_model_n_params(model), n = 0;
    hs_tensor *tensors = calloc((size_t)n_hooks + (size_t)n_params, sizeof *tensors);
    if (!tensors)
        return hs_fail(detail, HS_EMEMORY, "no memory for %d gradients", n_hooks + n_params);
    for (int i = 0; i < n_hooks; i++)
        tensors[n++] = hs_grad_hook(grad, i);
    for (int i = 0; i < n_params; i++) {
        tensors[n] = hs_grad_param(grad, i);
        n += tensors[n].data != NULL;
    }
    hs_status status = hs_tensors_write(path, tensors, n, HS_F32, NULL, detail);
    free(tensors);
    return status;
}

static hs_status differentiate(hs_model *model, hs_bytes document, const char *out, hs_detail *detail)
{
    hs_grad_result result;
    HS_TRY(hs_grad_document(model, document, detail, &result));
    hs_status status = write_gradients(model, result.grad, out, detail);
    if (status == HS_OK) {
        printf("{\"v\":1,\"metric\":");
        hs_print_double(stdout, result.metric);
        printf("}\n");
    }
    hs_grad_result_free(&result);
    return status;
}

static hs_status run_document(const char *const *paths, const hs_flag *out, hs_detail *detail)
{
    if (!out->n)
        return hs_fail(detail, HS_EUSAGE, "--out is missing");
    hs_model *model;
    HS_TRY(hs_model_open(paths[0], detail, &model));
    void *text = NULL;
    size_t size = 0;
    hs_status status = hs_file_read(paths[1], detail, &text, &size);
    if (status == HS_OK)
        status = differentiate(model, (hs_bytes){text, size, paths[1]}, out->values[0], detail);
    free(text);
    hs_model_free(model);
    return status;
}

hs_status hs_cmd_grad(int argc, char **argv, hs_detail *detail)
{
    const char *paths[2];
    hs_flag flags[] = {{.name = "--out", .most = 1}};
    hs_status status = hs_args_read(argc, argv, paths, 2, flags, 1, detail);
    if (status == HS_OK)
        status = run_document(paths, &flags[0], detail);
    hs_args_free(flags, 1);
    return status;
}
