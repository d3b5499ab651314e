/* edit_parse.h: what the two halves of the edit compiler share: edit_parse.c (documents, selections) and
 * edit_operand.c (values). */
#ifndef HS_EDIT_PARSE_H
#define HS_EDIT_PARSE_H

#include "edit.h"
#include "error.h"
#include "json.h"

/* One row an operation of the document: which fields it takes and which it needs. */
typedef enum hs_operand { HS_OPERAND_NONE, HS_OPERAND_ANY, HS_OPERAND_MEAN, HS_OPERAND_RUN, HS_OPERAND_DIRECTION } hs_operand;
typedef struct hs_op_row {
    const char *name;
    hs_op op;
    hs_operand operand;
    bool takes_scale, needs_scale, takes_bounds, frozen_hooks_only;
} hs_op_row;

typedef struct hs_edit_parser {
    const hs_model *model;
    const hs_json *json;
    const hs_sources *sources;
    hs_detail *detail;
    int n_prompt, n_tokens; /* of the prompt, and with what is generated */
    int edit; /* index in the document, for error lines */
    hs_edits *edits;
    int capacity;
} hs_edit_parser;

/* What is wrong with a field of the edit at hand. */
#define FAIL(p, field, format, ...) \
    hs_fail((p)->detail, HS_EEDIT, "edits[%d].%s: " format, (p)->edit, field, __VA_ARGS__)

/* Read the operand of op for the selection of e, whose hook is info, and give it to e (e->value and its
 * strides). Generated positions that the operand's run lacks leave the selection. HS_EEDIT names the field. */
hs_status hs_operand_read(hs_edit_parser *p, hs_json_at value, const hs_op_row *op, const hs_hook_info *info, hs_edit *e);

#endif
