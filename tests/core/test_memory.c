/* test_memory.c: a study takes the memory that it states before: hs_read_bytes against the peak that is really taken,
 * counted by standing in for malloc, within 5 percent. */
#include "hs_read.h"
#include "random_model.h"

/* What is taken now and at most; a size stands before each block. */
static size_t taken, most;
typedef union head {
    size_t size;
    double align[2];
} head;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static void *count(head *block, size_t size)
{
    if (!block)
        return NULL;
    block->size = size;
    taken += size;
    most = taken > most ? taken : most;
    return block + 1;
}

void *__wrap_malloc(size_t size)
{
    return count(__real_malloc(size + sizeof(head)), size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return count(__real_calloc(1, n * size + sizeof(head)), n * size);
}

void __wrap_free(void *p)
{
    if (!p)
        return;
    taken -= ((head *)p - 1)->size;
    __real_free((head *)p - 1);
}

void *__wrap_realloc(void *p, size_t size)
{
    if (!p)
        return __wrap_malloc(size);
    taken -= ((head *)p - 1)->size;
    return count(__real_realloc((head *)p - 1, size + sizeof(head)), size);
}

#define PAIR "\"clean\":[1,2,3,4,5,6,7,8,9,10,11,12],\"corrupted\":[1,2,33,4,5,6,37,8,9,10,11,12]"
#define DIFF "\"metric\":{\"kind\":\"logit_diff\",\"correct\":1,\"wrong\":2}"

static const char *const DOCUMENTS[] = {
    "{\"read\":\"sweep\"," PAIR "," DIFF ",\"what\":\"resid_pre\"}",
    "{\"read\":\"sweep\"," PAIR ",\"metric\":{\"kind\":\"kl\"},\"what\":[\"z\",\"q\",\"k\",\"v\",\"pattern\"],\"by\":\"layer,position,head\",\"direction\":\"noise\"}",
    "{\"read\":\"sweep\"," PAIR "," DIFF ",\"what\":\"direct_path\"}",
    "{\"read\":\"sweep\"," PAIR "," DIFF ",\"what\":\"result\"}",
    "{\"read\":\"ablate\",\"prompts\":[[1,2,3,4,5,6,7,8,9,10,11,12]],\"metric\":{\"kind\":\"loss\"},\"what\":\"post\",\"by\":\"layer,neuron\"}",
    "{\"read\":\"ablate\",\"prompts\":[[1,2,3,4,5,6,7,8,9,10,11,12]],\"over\":[[1,2,3],[3,4,5,6,7,8]]," DIFF ",\"what\":[\"z\",\"attn_out\"],\"by\":\"layer\",\"op\":\"mean\"}",
    "{\"read\":\"ablate\",\"prompts\":[[1,2,3,4,5,6,7,8]],\"over\":[[1,2,3,4,5,6,7,9]]," DIFF ",\"what\":[\"z\",\"pattern\"],\"op\":\"position_mean\"}",
    "{\"read\":\"ablate\",\"prompts\":[[1,2,3,4,5,6,7,8]],\"over\":[[1,2,3,4,5,6,7,9]]," DIFF ",\"what\":\"pattern\",\"by\":\"layer,head,dest\",\"op\":\"resample\"}",
    "{\"read\":\"path\"," PAIR "," DIFF ",\"senders\":\"all\",\"receivers\":\"all\"}",
    "{\"read\":\"attribute\"," PAIR "," DIFF ",\"what\":\"z\",\"by\":\"layer,head\",\"steps\":2,\"compare\":true}",
    "{\"read\":\"edges\"," PAIR "," DIFF ",\"steps\":2}",
    "{\"read\":\"circuit\"," PAIR "," DIFF ",\"counts\":[3,20]}",
    "{\"read\":\"vector\",\"recipe\":{\"contrast\":{\"positive\":[[1,2,3,4],[5,6,7],[8,9]],\"negative\":[[11,12],[15],[18,9]]},\"hook\":\"2_pre\",\"method\":\"pca\"}}",
    "{\"read\":\"vector\",\"recipe\":{\"contrast\":{\"positive\":[[1,2,3,4]],\"negative\":[[5,6,7,8]]},\"hook\":\"0_pre\",\"method\":\"actadd\"},"
    "\"at\":{\"hook\":\"3_mid\",\"prompt\":[1,2,3,4,5,6,7,8]}}",
    "{\"read\":\"vector\",\"recipe\":{\"ov\":[1,2],\"k\":3}}",
    "{\"read\":\"dose\",\"prompts\":[[1,2,3,4],[5,6]],\"steer\":{\"hook\":\"blocks.*.attn.hook_z\",\"dims\":[0,2],\"value\":[1,2]},\"strengths\":[-1,0,2],"
    "\"seeds\":[1,2],\"max_new\":20,\"effect\":{\"for\":[1]},\"frozen\":true,\"random\":2}",
    "{\"read\":\"dose\",\"prompts\":[[1,2,3,4]],\"steer\":{\"hook\":\"blocks.1.attn.hook_result\",\"dims\":[0,2],\"value\":[1,2]},\"strengths\":[1],\"max_new\":9}",
    "{\"read\":\"outcomes\",\"base\":[1,2,3],\"ways\":[{\"name\":\"a\",\"ids\":[1,2,3],\"edits\":[{\"hook\":\"*hook_q_input\",\"op\":\"zero\",\"heads\":[1]}]},"
    "{\"name\":\"b\",\"ids\":[4,5,6,7,8,9,1,2,3],\"frozen\":true}],\"max_new\":30}",
};

static void check(hs_model *model, const char *text)
{
    hs_reading *reading = NULL;
    hs_detail detail = {""};
    TEST("memory as stated: %.60s", text);
    size_t before = taken;
    if (!CHECK_STATUS(hs_read_new(model, NULL, NULL, (hs_bytes){text, strlen(text), "spec.json"}, &detail, &reading), HS_OK, detail))
        return;
    double stated = (double)hs_read_bytes(reading);
    most = taken;
    CHECK_STATUS(hs_read_begin(reading, &detail), HS_OK, detail);
    while (hs_read_step(reading))
        ;
    double peak = (double)(most - before);
    if (!CHECK(peak < 1.05 * stated && peak > 0.95 * stated))
        printf("    stated %.0f, taken %.0f: %.900s\n", stated, peak, text);
    hs_read_free(reading);
    CHECK(taken == before);
}

static char *put_list(char *out, int n, int first, int step)
{
    for (int i = 0; i < n; i++)
        out += sprintf(out, "%s%d", i ? "," : "[", (first + step * i) % 900);
    return out + sprintf(out, "]");
}

/* "outcomes" whose edits hold much: in each way a vector, or what a run has at every layer. */
static void write_ways(char *out, int n_ways, const char *op, bool of_run)
{
    out += sprintf(out, "{\"read\":\"outcomes\",\"max_new\":5,\"base\":[1,2,3],\"ways\":[");
    for (int i = 0; i < n_ways; i++) {
        out = put_list(out + sprintf(out, "%s{\"name\":\"%d\",\"ids\":", i ? "," : "", i), 40, i, 5);
        out += sprintf(out, ",\"edits\":[{\"hook\":\"blocks.*.hook_resid_pre\",\"op\":\"%s\",\"value\":", op);
        out = of_run ? out + sprintf(out, "{\"run\":\"B\"}") : put_list(out, 96, 1, 1);
        out += sprintf(out, "}]");
        out = of_run ? put_list(out + sprintf(out, ",\"runs\":{\"B\":"), 40, i, 7) : out;
        out += sprintf(out, of_run ? "}}" : "}");
    }
    strcpy(out, "]}");
}

int main(void)
{
    static const char CONFIG[] = "{\"n_layers\":4,\"d_model\":96,\"n_ctx\":64,\"d_head\":24,\"n_heads\":4,\"d_vocab\":900,\"d_mlp\":384,"
                                 "\"act_fn\":\"gelu_new\",\"normalization_type\":\"LN\"}";
    static char ways[40000];
    uint64_t state = 3;
    hs_model *model = random_model(&state, CONFIG);
    hs_detail detail = {""};
    CHECK_STATUS(hs_model_pack(model, true, &detail), HS_OK, detail); /* the model's own, which outlives a study */
    for (size_t i = 0; i < sizeof DOCUMENTS / sizeof *DOCUMENTS; i++)
        check(model, DOCUMENTS[i]);
    write_ways(ways, 32, "add", false);
    check(model, ways);
    write_ways(ways, 4, "patch", true);
    check(model, ways);
    write_ways(ways, 8, "mean", true);
    check(model, ways);
    hs_model_free(model);
    return HARNESS_END();
}
