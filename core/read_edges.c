/* read_edges.c: "edges": edge attribution patching, all edges of the graph (edges.h) as one matrix. */
#include "edges.h"

static void free_own(hs_reading *r)
{
    hs_edges_free(r->own);
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    hs_edges_scores *e;
    HS_READ_TAKE(r, spec, e, 1);
    r->own = e;
    r->free_own = free_own;
    HS_TRY(hs_edges_read(r, spec, e));
    r->work.total = e->total;
    return HS_OK;
}

static hs_status begin(hs_reading *r, hs_detail *detail)
{
    return hs_edges_begin(r->own, detail);
}

static bool unit(hs_reading *r, int side, int64_t i)
{
    (void)side, (void)i;
    bool more = hs_edges_step(r->own);
    r->work.done = hs_edges_done(r->own);
    return more;
}

static const char *const FIELDS[] = {HS_SLOPES_FIELDS, NULL};
const hs_reader hs_reader_edges = {.name = "edges", .fields = FIELDS, .without_run = true, .plan = plan, .begin = begin, .unit = unit};
