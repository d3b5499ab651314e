/* test_edits.c: what an edit document means where TransformerLens has no say: an index that stands twice, a
 * direction of any length, a document in an object. The operations themselves are held by tests/golden. */
#include "edit.h"
#include "harness.h"
#include "model.h"
#include "run.h"

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

/* The same operands, bit for bit, whether the run was done when the document was compiled or is done later; NaN or not. */
static void check_later(const char *json, bool is_nan)
{
    static const int32_t OTHER[3] = {5, 6, 7};
    static const char *const ALL[] = {"*"}, *const NAMES[] = {"B"};
    hs_detail detail = {""};
    hs_run *done = NULL, *planned = NULL;
    hs_edits *edits = NULL, *filled = NULL;
    hs_run_spec spec = {.ids = OTHER, .n_tokens = 3, .capture = ALL, .n_capture = 1};
    CHECK(hs_run_new(model, &spec, &detail, &done) == HS_OK && hs_run_plan(model, &spec, &detail, &planned) == HS_OK);
    hs_run_forward(done);
    const hs_run *runs[] = {done}, *later[] = {planned};
    hs_bytes text = {json, strlen(json), "edits"};
    CHECK((hs_edits_compile(model, text, 2, T, &(hs_sources){NAMES, runs, 1, NULL, 0}, &detail, &edits) == HS_OK) == !is_nan);
    if (CHECK_STATUS(hs_edits_compile(model, text, 2, T, &(hs_sources){NAMES, later, 1, NULL, 0}, &detail, &filled), HS_OK, detail) &&
        CHECK_STATUS(hs_run_take(planned, OTHER, &detail), HS_OK, detail)) {
        while (hs_run_step(planned))
            ;
        hs_edits_fill(filled);
        for (int i = 0; i < filled->n; i++) {
            const hs_edit *e = &filled->list[i];
            int64_t n = hs_edit_n_values(e);
            CHECK(n > 0 && !e->from.run);
            for (int64_t j = 0; is_nan && j < n; j++)
                CHECK(e->value[j] != e->value[j]);
            if (edits)
                CHECK(n == hs_edit_n_values(&edits->list[i]) && !memcmp(e->value, edits->list[i].value, (size_t)n * sizeof *e->value));
        }
    }
    hs_edits_free(edits);
    hs_edits_free(filled);
    hs_run_free(done);
    hs_run_free(planned);
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
    TEST("a run that is done later");
    check_later("[{\"hook\":\"blocks.0.attn.hook_*\",\"op\":\"patch\",\"value\":{\"run\":\"B\"}}]", false);
    check_later("[{\"hook\":\"*.hook_resid_*\",\"positions\":[1,-1,0],\"op\":\"patch\",\"value\":{\"run\":\"B\",\"positions\":[2,0,2]}}]", false);
    check_later("[{\"hook\":\"hook_embed\",\"op\":\"mean\",\"value\":{\"run\":\"B\",\"positions\":[2,-1,0]}},"
                "{\"hook\":\"*.hook_pattern\",\"heads\":[2],\"sources\":[0],\"op\":\"mean\",\"value\":{\"run\":\"B\"}}]", false);
    check_later("[{\"hook\":\"*hook_scale\",\"op\":\"freeze\",\"value\":{\"run\":\"B\"}},{\"hook\":\"logits\",\"op\":\"add\",\"value\":{\"run\":\"B\"}}]", false);
    check_later("[{\"hook\":\"hook_embed\",\"op\":\"project_out\",\"value\":{\"run\":\"B\"}},"
                "{\"hook\":\"*.hook_z\",\"heads\":[1,2],\"op\":\"clamp\",\"max\":1,\"value\":{\"run\":\"B\",\"positions\":[-1]}}]", false);
    TEST("... whose direction then has no length");
    hs_real *embedding = model->w.W_E + 7 * D;
    memset(embedding, 0, D * sizeof *embedding);
    check_later("[{\"hook\":\"hook_embed\",\"op\":\"project_out\",\"value\":{\"run\":\"B\",\"positions\":[2]}}]", true);
    TEST("a list, or an object around it");
    CHECK(same("{\"v\":1,\"edits\":[{\"hook\":\"hook_embed\",\"op\":\"zero\"}]}", "[{\"hook\":\"hook_embed\",\"op\":\"zero\"}]"));
    hs_model_free(model);
    return HARNESS_END();
}
