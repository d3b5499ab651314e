/* abi_dump.c: a native program that prints what the .wasm's callers must agree on with C:
 *
 *     abi_dump exports   wasm/exports.txt              the symbols of the link line
 *     abi_dump ts        site/src/engine/abi.gen.ts    the same for TypeScript
 *     abi_dump hooks     docs/hooks.md                 every hook, for people
 *
 * All are committed; the test "abi" fails when they differ from what this prints. */
#include "abi.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef struct function {
    const char *result, *name, *parameters;
} function;

static const function functions[] = {
#define FN(result, name, ...) {#result, #name, #__VA_ARGS__},
#include "abi.def"
#undef FN
};
enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

static void print_exports(void)
{
    for (int i = 0; i < N_FUNCTIONS; i++)
        printf("_%s\n", functions[i].name);
}

static void print_lower(const char *text)
{
    for (; *text; text++)
        putchar(tolower((unsigned char)*text));
}

/* "const hs_run *run, int i[4]" -> "run: number, i: number": an identifier before each comma or bracket. */
static void print_parameters(const char *parameters)
{
    if (!strcmp(parameters, "void"))
        return;
    for (const char *at = parameters; *at;) {
        size_t length = strcspn(at, ",["), start = length;
        while (start > 0 && (isalnum((unsigned char)at[start - 1]) || at[start - 1] == '_'))
            start--;
        printf("%s%.*s: number", at == parameters ? "" : ", ", (int)(length - start), at + start);
        at += strcspn(at, ",");
        at += *at == ',';
    }
}

static void print_functions(void)
{
    puts("/** The exports of the .wasm (wasm/abi.def). Numbers are int32, double, or an address. */\n"
         "export interface CoreExports {\n"
         "  readonly memory: WebAssembly.Memory;\n"
         "  _initialize(): void;");
    for (int i = 0; i < N_FUNCTIONS; i++) {
        printf("  %s(", functions[i].name);
        print_parameters(functions[i].parameters);
        printf("): %s;\n", strcmp(functions[i].result, "void") ? "number" : "void");
    }
    puts("}\n");
}

static void print_statuses(void)
{
    puts("/** status.def: what a call of the core returns. */\n"
         "export const STATUS = {");
#define HS_STATUS(name, number, text) puts("  " #number ": '" #name "',");
#include "status.def"
#undef HS_STATUS
    puts("} as const;\n"
         "export type StatusName = (typeof STATUS)[keyof typeof STATUS];\n");
}

static void print_documents(void)
{
    puts("/** reads.def: what a reading document may ask for. */\n"
         "export const READS = [");
#define READ(name, what) puts("  '" #name "',");
#include "reads.def"
#undef READ
    puts("] as const;\n"
         "export type ReadName = (typeof READS)[number];\n"
         "/** Those that do runs of their own. */\n"
         "export const STUDIES: readonly ReadName[] = [");
#define READ(name, what)
#define STUDY(name, what) puts("  '" #name "',");
#include "reads.def"
#undef READ
    printf("];\n"
           "/** What hs_read_hooks fills at most. */\n"
           "export const READ_MAX_HOOKS = %d;\n\n"
           "/** Tiles that a product can go by (hs_machine.h). */\n"
           "export const N_TILES = %d;\n\n",
           HS_READ_MAX_HOOKS, HS_N_TILES);
    puts("/** The transformations of weights (wasm/processes.def), in the order in which they are done. */\n"
         "export const PROCESSES = [");
#define PROCESS(name) puts("  '" #name "',");
#include "processes.def"
#undef PROCESS
    puts("] as const;\n"
         "export type ProcessName = (typeof PROCESSES)[number];\n");
}

typedef struct hook {
    const char *name, *scope, *exists, *const *axes;
    int n_axes;
} hook;

/* The axes arrive as words; naming each as a string takes one macro a count. */
#define TEXT_1(a) #a
#define TEXT_2(a, b) #a, #b
#define TEXT_3(a, b, c) #a, #b, #c
#define PICK(a, b, c, macro, ...) macro
#define TEXTS(...) PICK(__VA_ARGS__, TEXT_3, TEXT_2, TEXT_1, 0)(__VA_ARGS__)

#define HOOK(id, name, scope, exists, ...) static const char *const axes_of_##id[] = {TEXTS(__VA_ARGS__)};
#include "hooks.def"
#undef HOOK
static const hook hooks[] = {
#define HOOK(id, name, scope, exists, ...) {name, #scope, #exists, axes_of_##id, sizeof axes_of_##id / sizeof *axes_of_##id},
#include "hooks.def"
#undef HOOK
};
enum { N_HOOKS = sizeof hooks / sizeof *hooks };

static void print_axis(const char *axis)
{
    if (!strcmp(axis, "T"))
        printf("T");
    else if (!strcmp(axis, "T_SRC"))
        printf("T_src");
    else
        print_lower(axis);
}

static void print_axes(const hook *h, const char *quote)
{
    for (int i = 0; i < h->n_axes; i++) {
        printf("%s%s", i ? ", " : "", quote);
        print_axis(h->axes[i]);
        printf("%s", quote);
    }
}

static void print_hooks(void)
{
    puts("/** hooks.def, in the order of a forward pass. `%d` is the layer; `exists` is the class of model that\n"
         " *  has the hook. */\n"
         "export const HOOKS = [");
    for (int i = 0; i < N_HOOKS; i++) {
        printf("  { name: '%s', scope: '", hooks[i].name);
        print_lower(hooks[i].scope);
        printf("', exists: '");
        print_lower(hooks[i].exists);
        printf("', axes: [");
        print_axes(&hooks[i], "'");
        puts("] },");
    }
    puts("] as const;\n");
}

static const char *has_it(const char *exists)
{
    static const char *const texts[][2] = {
        {"ALWAYS", "every model"},
        {"POS", "`standard` or `shortformer` positions"},
        {"NORM", "`LN` or `LNPre`"},
        {"MLP", "models with MLPs"},
        {"MLPNORM", "models with MLPs, `LN` or `LNPre`"},
        {"SOLULN", "`solu_ln`"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strcmp(texts[i][0], exists))
            return texts[i][1];
    return "?";
}

static void print_hooks_for_people(void)
{
    puts("# Hooks\n\n"
         "Every hook, in the order in which a forward pass reaches it, by TransformerLens' names; `%d` is the layer. There is no batch axis.\n"
         "T is the number of tokens, T_src the same counted as sources. No switch has to be set to make a hook appear.\n"
         "`hs hooks MODEL` prints them for one model, with sizes. Printed by `wasm/abi_dump.c` from `core/hooks.def`: do not edit.\n\n"
         "| hook | shape | in |\n|---|---|---|");
    for (int i = 0; i < N_HOOKS; i++) {
        printf("| `%s` | [", hooks[i].name);
        print_axes(&hooks[i], "");
        printf("] | %s |\n", has_it(hooks[i].exists));
    }
}

static const char *const ACT[] = {
    [HS_ACT_NONE] = NULL,
    [HS_ACT_RELU] = "relu",
    [HS_ACT_GELU] = "gelu",
    [HS_ACT_GELU_NEW] = "gelu_new",
    [HS_ACT_GELU_FAST] = "gelu_fast",
    [HS_ACT_GELU_PYTORCH_TANH] = "gelu_pytorch_tanh",
    [HS_ACT_SILU] = "silu",
    [HS_ACT_SOLU] = "solu",
    [HS_ACT_SOLU_LN] = "solu_ln",
};
static const char *const NORM[] = {
    [HS_NORM_NONE] = NULL,  [HS_NORM_LN] = "LN",         [HS_NORM_LNPRE] = "LNPre",
    [HS_NORM_RMS] = "RMS",  [HS_NORM_RMSPRE] = "RMSPre",
};
static const char *const POSITIONS[] = {
    [HS_POSITIONS_STANDARD] = "standard", [HS_POSITIONS_SHORTFORMER] = "shortformer",
    [HS_POSITIONS_ROTARY] = "rotary",     [HS_POSITIONS_ALIBI] = "alibi",
    [HS_POSITIONS_RELATIVE] = "relative_positional_bias",
};

static void print_enum(const char *name, const char *const *texts, size_t n)
{
    printf("  %s: [", name);
    for (size_t i = 0; i < n; i++)
        texts[i] ? printf("%s'%s'", i ? ", " : "", texts[i]) : printf("%snull", i ? ", " : "");
    puts("],");
}

static void print_config(void)
{
    puts("/** What hsw_model_config writes, in order (wasm/page_config.def). */\n"
         "export const CONFIG_FIELDS = [");
#define FIELD(name, kind) puts("  ['" #name "', '" #kind "'],");
#include "page_config.def"
#undef FIELD
    puts("] as const;\n"
         "/** Texts of the numbers of its enums. */\n"
         "export const CONFIG_ENUMS = {");
    print_enum("ACT", ACT, sizeof ACT / sizeof *ACT);
    print_enum("NORM", NORM, sizeof NORM / sizeof *NORM);
    print_enum("POSITIONS", POSITIONS, sizeof POSITIONS / sizeof *POSITIONS);
    puts("} as const;");
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "exports")) {
        print_exports();
    } else if (argc == 2 && !strcmp(argv[1], "ts")) {
        puts("/* Printed by wasm/abi_dump.c from core/*.def and wasm/*.def: `cmake --build build/release --target abi`.\n"
             " * Do not edit. */\n");
        print_functions();
        print_statuses();
        print_documents();
        print_hooks();
        print_config();
    } else if (argc == 2 && !strcmp(argv[1], "hooks")) {
        print_hooks_for_people();
    } else {
        fputs("usage: abi_dump exports|ts|hooks\n", stderr);
        return 2;
    }
    return 0;
}
