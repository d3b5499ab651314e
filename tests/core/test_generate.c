/* test_generate.c: what is drawn and when it ends: seeds, the filters of the sampler, stop, the context's end, forced
 * tokens, the twin. That the cache changes nothing is test_cache.c's. */
#include "hs_generate.h"
#include "random_model.h"
#include "sample.h"

#include <math.h>

enum { V = 9 };
static const hs_real LOGITS[V] = {1, 3, 2, 2, -1, 0.5f, 2.5f, -4, 0};

static const hs_sampler PLAIN = {.temperature = 1, .top_p = 1, .repetition_penalty = 1, .seed = 7};

static void probs_of(hs_sampler s, const int32_t *text, int n_text, double *out)
{
    int32_t heap[V];
    hs_sampler_probs(&s, LOGITS, V, text, n_text, heap, out);
    double sum = 0;
    for (int i = 0; i < V; i++)
        sum += out[i];
    CHECK(fabs(sum - 1) < 1e-12);
}

/* The tokens that can be drawn, as bits. */
static unsigned kept(const double *p)
{
    unsigned bits = 0;
    for (int i = 0; i < V; i++)
        bits |= (unsigned)(p[i] > 0) << i;
    return bits;
}

static void test_filters(void)
{
    double p[V], q[V];
    hs_sampler s = PLAIN;
    TEST("no filter: the softmax");
    probs_of(s, NULL, 0, p);
    CHECK(fabs(p[1] / p[0] - exp(2)) < 1e-5 && kept(p) == (1u << V) - 1);
    TEST("temperature 2 halves the logits");
    s.temperature = 2;
    probs_of(s, NULL, 0, q);
    CHECK(fabs(q[1] / q[0] - exp(1)) < 1e-5);
    TEST("temperature 0 takes the largest, whatever the filters");
    s = (hs_sampler){.temperature = 0, .top_k = 3, .top_p = 0.1, .frequency_penalty = 9, .repetition_penalty = 1};
    probs_of(s, (const int32_t[]){1, 1}, 2, p);
    CHECK(p[1] == 1);
    TEST("a temperature next to 0 overflows nothing");
    s = PLAIN;
    s.temperature = 1e-300;
    probs_of(s, NULL, 0, p);
    CHECK(p[1] == 1);
    TEST("top-k keeps k, and what equals the last of them");
    s = PLAIN;
    s.top_k = 2;
    probs_of(s, NULL, 0, p);
    CHECK(kept(p) == (1u << 1 | 1u << 6));
    s.top_k = 3;
    probs_of(s, NULL, 0, p);
    CHECK(kept(p) == (1u << 1 | 1u << 6 | 1u << 2 | 1u << 3));
    s.top_k = V + 5;
    probs_of(s, NULL, 0, q);
    CHECK(kept(q) == (1u << V) - 1);
    TEST("top-p keeps the fewest that pass p, at least one");
    s = PLAIN;
    s.top_p = 0.5; /* 0.42, then 0.25 passes it */
    probs_of(s, NULL, 0, p);
    CHECK(kept(p) == (1u << 1 | 1u << 6));
    s.top_p = 1e-9;
    probs_of(s, NULL, 0, p);
    CHECK(kept(p) == 1u << 1 && p[1] == 1);
    TEST("top-p of what top-k left");
    s.top_k = 2;
    s.top_p = 0.6; /* of the two, the first alone has 0.62 */
    probs_of(s, NULL, 0, p);
    CHECK(kept(p) == 1u << 1);
    s.top_p = 0.63;
    probs_of(s, NULL, 0, p);
    CHECK(kept(p) == (1u << 1 | 1u << 6));
    TEST("the frequency penalty counts, the repetition penalty does not");
    s = PLAIN;
    s.frequency_penalty = 0.5;
    probs_of(s, (const int32_t[]){1, 6, 1, 100}, 4, p);
    CHECK(fabs(log(p[1] / p[6]) - (3 - 1 - (2.5 - 0.5))) < 1e-5);
    s = PLAIN;
    s.repetition_penalty = 2;
    probs_of(s, (const int32_t[]){1, 4, 1}, 3, p);
    CHECK(fabs(log(p[1] / p[0]) - 0.5) < 1e-5 && fabs(log(p[4] / p[0]) - (-2 - 1)) < 1e-5);
    TEST("logits that are no distribution give the largest that is a number");
    hs_real wild[V] = {NAN, 1, INFINITY, 0, 0, 0, 0, 0, 0};
    int32_t heap[V];
    s.top_k = 4;
    hs_sampler_probs(&s, wild, V, NULL, 0, heap, p);
    CHECK(p[2] == 1 && p[0] == 0);
}

static void test_draws(void)
{
    enum { N = 20000 };
    double p[V], seen[V] = {0};
    probs_of(PLAIN, NULL, 0, p);
    TEST("draws come as often as their probability says");
    for (int i = 0; i < N; i++)
        seen[hs_sampler_draw(&PLAIN, p, V, i)] += 1.0 / N;
    for (int i = 0; i < V; i++)
        CHECK(fabs(seen[i] - p[i]) < 4 * sqrt(p[i] * (1 - p[i]) / N));
    TEST("what has no probability is never drawn");
    const double edges[V] = {0, 0.5, 0, 0.5, 0, 0, 0, 0, 0};
    for (int i = 0; i < 1000; i++) {
        int32_t id = hs_sampler_draw(&PLAIN, edges, V, i);
        CHECK(id == 1 || id == 3);
    }
}

/* ---- whole generations ---- */

enum { MOST = 32 };
typedef struct grown {
    int n;
    int32_t ids[MOST];
    hs_generated tokens[MOST];
    char end[16];
} grown;

static hs_model *model;

static grown generate(const char *json)
{
    grown out = {.n = 0};
    hs_detail detail = {""};
    hs_generation *g;
    if (!CHECK_STATUS(hs_generate_new(model, (hs_bytes){json, strlen(json), "document"}, NULL, &detail, &g), HS_OK, detail))
        return out;
    int before = 0;
    while (hs_generate_step(g)) { /* grows by one at a time */
        CHECK(hs_generate_count(g) - before <= 1);
        before = hs_generate_count(g);
    }
    CHECK(!hs_generate_step(g));
    out.n = hs_generate_count(g);
    strcpy(out.end, hs_generate_end(g));
    for (int i = 0; i < out.n; i++) {
        out.tokens[i] = hs_generate_token(g, i);
        out.ids[i] = out.tokens[i].id;
    }
    hs_generate_free(g);
    return out;
}

static bool same(const grown *a, const grown *b)
{
    return a->n == b->n && !memcmp(a->ids, b->ids, sizeof a->ids);
}

static void test_generations(void)
{
    TEST("a seed gives the same text, another seed another");
    grown a = generate("{\"ids\":[1,2],\"max_new\":12,\"seed\":5}"), b = generate("{\"ids\":[1,2],\"max_new\":12,\"seed\":5,\"cache\":false}");
    grown c = generate("{\"ids\":[1,2],\"max_new\":12,\"seed\":6}");
    CHECK(same(&a, &b) && !same(&a, &c) && a.n == 12 && !strcmp(a.end, "max_new"));
    TEST("the seed is 64 bits wide");
    grown wide = generate("{\"ids\":[1,2],\"max_new\":12,\"seed\":18446744073709551615}");
    CHECK(!same(&a, &wide));
    TEST("forced tokens do not shift what is drawn after them");
    char json[200];
    snprintf(json, sizeof json, "{\"ids\":[1,2],\"max_new\":12,\"seed\":5,\"forced\":[%d,%d,%d]}", a.ids[0], a.ids[1], a.ids[2]);
    b = generate(json);
    CHECK(same(&a, &b));
    TEST("forced tokens are taken, and have their own numbers");
    b = generate("{\"ids\":[1,2],\"max_new\":3,\"top_k\":1,\"forced\":[4,5,6]}");
    CHECK(b.ids[0] == 4 && b.ids[1] == 5 && b.ids[2] == 6 && b.tokens[0].prob > 0);
    TEST("stop ends the text with its token");
    snprintf(json, sizeof json, "{\"ids\":[1,2],\"max_new\":12,\"seed\":5,\"stop\":[%d]}", a.ids[4]);
    b = generate(json);
    CHECK(!strcmp(b.end, "stop") && b.n >= 1 && b.n <= 5 && b.ids[b.n - 1] == a.ids[4] && !memcmp(a.ids, b.ids, (size_t)b.n * sizeof *b.ids));
    TEST("a full context ends the text: one token more than there are rows left");
    b = generate("{\"ids\":[1,2],\"max_new\":100,\"seed\":5}");
    CHECK(!strcmp(b.end, "context") && b.n == 16 - 2 + 1);
    b = generate("{\"ids\":[1,2,3,4,5,6,7,8,1,2,3,4,5,6,7,8],\"max_new\":2}");
    CHECK(!strcmp(b.end, "context") && b.n == 1);
    b = generate("{\"ids\":[1,2],\"max_new\":15}");
    CHECK(!strcmp(b.end, "max_new") && b.n == 15);
    TEST("temperature 0 takes the most probable");
    b = generate("{\"ids\":[1,2],\"max_new\":6,\"temperature\":0}");
    c = generate("{\"ids\":[1,2],\"max_new\":6,\"top_k\":1,\"seed\":77}");
    CHECK(same(&b, &c) && b.tokens[0].drawn == 1);
    TEST("the numbers are those of the model's own distribution");
    CHECK(fabs(exp(b.tokens[0].log_prob) - b.tokens[0].prob) < 1e-6 && b.tokens[0].entropy > 0 && b.tokens[0].entropy <= log(12) + 1e-6);
    TEST("the twin: 0 without edits, more with them, NaN when it is not asked for");
    b = generate("{\"ids\":[1,2],\"max_new\":6,\"twin\":true}");
    c = generate("{\"ids\":[1,2],\"max_new\":6,\"twin\":true,\"edits\":[{\"hook\":\"*hook_z\",\"op\":\"zero\",\"from\":2}]}");
    for (int i = 0; i < 6; i++) {
        CHECK(b.tokens[i].kl == 0 && b.tokens[i].twin_log_prob == b.tokens[i].log_prob && isnan(a.tokens[i].kl) && isnan(a.tokens[i].twin_log_prob));
        CHECK(i == 0 ? c.tokens[i].kl == 0 : c.tokens[i].kl > 0);
    }
}

/* A model whose d_vocab_out is not its d_vocab. */
static void test_vocabularies(void)
{
    uint64_t state = 4;
    hs_model *kept_model = model;
    hs_detail detail = {""};
    hs_generation *g;
    static const char JSON[] = "{\"ids\":[11,2],\"max_new\":5,\"frequency_penalty\":1,\"repetition_penalty\":2}";
    TEST("a model that predicts fewer tokens than it reads");
    model = random_model(&state, "{\"n_layers\":1,\"d_model\":6,\"n_ctx\":9,\"d_head\":3,\"n_heads\":2,\"d_vocab\":12,\"d_vocab_out\":5,\"attn_only\":true}");
    grown a = generate(JSON);
    for (int i = 0; i < a.n; i++)
        CHECK(a.ids[i] < 5);
    CHECK(a.n == 5);
    hs_model_free(model);
    TEST("a model that predicts more than it reads");
    model = random_model(&state, "{\"n_layers\":1,\"d_model\":6,\"n_ctx\":9,\"d_head\":3,\"n_heads\":2,\"d_vocab\":12,\"d_vocab_out\":13,\"attn_only\":true}");
    CHECK_STATUS(hs_generate_new(model, (hs_bytes){JSON, sizeof JSON - 1, "document"}, NULL, &detail, &g), HS_ESPEC, detail);
    CHECK_SAYS(detail.text, "cannot read what it writes");
    hs_model_free(model);
    model = kept_model;
}

int main(void)
{
    uint64_t state = 3;
    test_filters();
    test_draws();
    TEST("a model");
    model = random_model(&state, "{\"n_layers\":2,\"d_model\":10,\"n_ctx\":16,\"d_head\":5,\"n_heads\":2,\"d_vocab\":12,\"d_mlp\":13,\"act_fn\":\"gelu\"}");
    test_generations();
    test_vocabularies();
    hs_model_free(model);
    return HARNESS_END();
}
