/* main.c: hs, the native program. Files in, the library called, files out. */
#include "cli.h"

#include <string.h>

static const char USAGE[] =
    "hs info   MODEL                            configuration, parameters, bytes\n"
    "hs hooks  MODEL [--tokens T]               each hook: name, shape, bytes\n"
    "hs run    MODEL --ids 1,2,3 [--edits F.json] [--run B=1,2,3]... [--vectors F.safetensors]\n"
    "                [--capture GLOB]... [--out F.safetensors]\n"
    "hs grad   MODEL SPEC.json --out F.safetensors\n"
    "hs generate MODEL SPEC.json [...]          continue a text, token by token\n"
    "hs process  MODEL [--fold-ln] [--center-writing-weights] [--center-unembed] [--fold-value-biases] --out DIR\n"
    "                                           the same predictions from simpler weights\n"
    "hs train  RECIPE.json ...                  train a model; hs train --help\n"
    "hs bench  [NAME]                           time the kernels and a run\n";

static const char DOCUMENTS[] =
    "[...] is [--vectors F.safetensors] [--out F.safetensors] [--plan]; --plan says how many bytes it takes, and stops\n"
    "\n"
    "HS_THREADS=N in the environment shares products out to N threads; no bit depends on it.\n"
    "MODEL is a folder with config.json and model.safetensors. Documents: docs/formats.md.\n"
    "Exit status: 0, or the number of the status that begins the line on stderr.\n";

static const struct {
    const char *name;
    hs_status (*run)(int argc, char **argv, hs_detail *detail);
} COMMANDS[] = {{"info", hs_cmd_info}, {"hooks", hs_cmd_hooks}, {"run", hs_cmd_run},
                {"grad", hs_cmd_grad}, {"generate", hs_cmd_generate}, {"process", hs_cmd_process}, {"train", hs_cmd_train}, {"bench", hs_cmd_bench}};

static hs_status dispatch(int argc, char **argv, hs_detail *detail)
{
    if (argc < 2)
        return hs_fail(detail, HS_EUSAGE, "no command; see hs help");
    for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++)
        if (!strcmp(argv[1], COMMANDS[i].name))
            return COMMANDS[i].run(argc - 2, argv + 2, detail);
    if (hs_cmd_is_reading(argv[1]))
        return hs_cmd_read(argv[1], argc - 2, argv + 2, detail);
    if (strcmp(argv[1], "help") && strcmp(argv[1], "--help"))
        return hs_fail(detail, HS_EUSAGE, "there is no command \"%s\"; see hs help", argv[1]);
    fputs(USAGE, stdout);
    hs_cmd_print_readings();
    fputs(DOCUMENTS, stdout);
    return HS_OK;
}

int main(int argc, char **argv)
{
    hs_detail detail = {""};
    hs_status status = dispatch(argc, argv, &detail);
    if (status == HS_OK && (fflush(stdout) || ferror(stdout)))
        status = hs_fail(&detail, HS_EIO, "standard output cannot be written");
    if (status != HS_OK)
        fprintf(stderr, "%s: %s\n", hs_status_name(status), detail.text);
    return (int)status;
}
