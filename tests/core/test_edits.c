/* test_edits.c: what an edit document means where TransformerLens has no say: an index that stands twice, a
 * direction of any length, a document in an object. The operations themselves are held by tests/golden. */
#include "harness.h"
#include "model.h"

enum { T = 4, D = 6 };

static hs_model *model;

static void make_model(void)
{
    static const char CONFIG[] = "{\"n_layers\":1,\"d_model\":6,\"n_ctx\":4,\"d_head\":2,\"n_heads\":3,\"d_vocab\":9,\"attn_only\":true}";
    hs_config cfg;
    CHECK(hs_config_read((hs_bytes){CONFIG, sizeof CONFIG - 1, "config"}, NULL, &cfg) == HS_OK);
    CHECK(hs_model_new(&cfg, NULL, &model) == HS_OK);
    uint64_t state = 3;
    for (int i = 0; i < hs_model_n_params(model); i++) {
        hs_tensor p = hs_model_param(model, i);
        for (int64_t j = 0; j < p.count; j++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            ((hs_real *)p.data)[j] = (hs_real)((double)(state >> 11) * 0x1p-53 - 0.5);
        }
    }
    CHECK(hs_model_pack(model, false, NULL) == HS_OK);
}

/* hook_embed [T, D] after the edits; run "B" has other tokens. */
static void embed_after(const char *json, hs_real *out)
{
    static const int32_t IDS[T] = {1, 2, 3, 4}, OTHER[T] = {5, 6, 7, 8};
    static const char *const EMBED[] = {"hook_embed"};
    static const char *const NAMES[] = {"B"};
    hs_detail detail = {""};
    hs_run *other, *run;
    hs_edits *edits;
    hs_run_spec spec = {.ids = OTHER, .n_tokens = T, .capture = EMBED, .n_capture = 1};
    CHECK(hs_run_new(model, &spec, &detail, &other) == HS_OK);
    hs_run_forward(other);
    const hs_run *runs[] = {other};
    hs_sources sources = {NAMES, runs, 1, NULL, 0};
    if (!CHECK(hs_edits_new(model, (hs_bytes){json, strlen(json), "edits"}, T, &sources, &detail, &edits) == HS_OK)) {
        printf("%s\n", detail.text);
        hs_run_free(other);
        return;
    }
    spec.ids = IDS;
    spec.edits = edits;
    CHECK(hs_run_new(model, &spec, &detail, &run) == HS_OK);
    hs_run_forward(run);
    memcpy(out, hs_run_captured(run, 0).data, T * D * sizeof *out);
    hs_run_free(run);
    hs_edits_free(edits);
    hs_run_free(other);
}

static bool same(const char *a, const char *b)
{
    hs_real x[T * D], y[T * D];
    embed_after(a, x);
    embed_after(b, y);
    return !memcmp(x, y, sizeof x);
}

int main(void)
{
    make_model();
    TEST("an index that stands twice counts once");
    CHECK(same("[{\"hook\":\"hook_embed\",\"positions\":[3,-1],\"op\":\"scale\",\"scale\":2}]",
               "[{\"hook\":\"hook_embed\",\"positions\":[3],\"op\":\"scale\",\"scale\":2}]"));
    CHECK(same("[{\"hook\":\"hook_embed\",\"positions\":[-1,1,3,1,1],\"op\":\"add\",\"value\":1}]",
               "[{\"hook\":\"hook_embed\",\"positions\":[1,3],\"op\":\"add\",\"value\":1}]"));
    CHECK(!same("[{\"hook\":\"hook_embed\",\"positions\":[3],\"op\":\"scale\",\"scale\":2}]", "[]"));
    TEST("... with its last operand");
    CHECK(same("[{\"hook\":\"hook_embed\",\"positions\":[2,2],\"op\":\"patch\",\"value\":{\"run\":\"B\",\"positions\":[0,1]}}]",
               "[{\"hook\":\"hook_embed\",\"positions\":[2],\"op\":\"patch\",\"value\":{\"run\":\"B\",\"positions\":[1]}}]"));
    CHECK(same("[{\"hook\":\"hook_embed\",\"positions\":[2,0,-2],\"op\":\"patch\",\"value\":{\"run\":\"B\"}}]",
               "[{\"hook\":\"hook_embed\",\"positions\":[0,2],\"op\":\"patch\",\"value\":{\"run\":\"B\"}}]"));
    TEST("a direction is brought to length 1");
    CHECK(same("[{\"hook\":\"hook_embed\",\"op\":\"project_out\",\"value\":[0,0,4,0,0,0]}]",
               "[{\"hook\":\"hook_embed\",\"op\":\"project_out\",\"value\":[0,0,1,0,0,0]}]"));
    CHECK(same("[{\"hook\":\"hook_embed\",\"op\":\"project_out\",\"value\":[0,0,4,0,0,0]}]",
               "[{\"hook\":\"hook_embed\",\"dims\":[2,3],\"op\":\"zero\"}]"));
    TEST("a direction from another run");
    CHECK(!same("[{\"hook\":\"hook_embed\",\"op\":\"project_out\",\"value\":{\"run\":\"B\"}}]", "[]"));
    TEST("a list, or an object around it");
    CHECK(same("{\"v\":1,\"edits\":[{\"hook\":\"hook_embed\",\"op\":\"zero\"}]}", "[{\"hook\":\"hook_embed\",\"op\":\"zero\"}]"));
    hs_model_free(model);
    return HARNESS_END();
}
