/* From the layout of all libraries to planed trees; see planed.h. */
#include "planed.h"

#include <stdlib.h>
#include <string.h>

/* Slots further back than so many are not compared: a tree of many values gains nothing from it. */
enum { MOST_COMPARED = 8 };

typedef struct {
    int64_t node;
    int64_t parent; /* the inner node whose right child this is, -1 for a left child */
} waiting;

static int32_t find_slot(wb_planed *planed, const double *values, int64_t first)
{
    int is_zero = 1;
    for (int64_t margin = 0; margin < planed->n_margins; margin++)
        is_zero = is_zero && values[margin] == 0.0;
    if (is_zero)
        return -1;
    const size_t size = (size_t)planed->n_margins * sizeof *values;
    if (first < planed->n_slots - MOST_COMPARED)
        first = planed->n_slots - MOST_COMPARED;
    for (int64_t slot = first; slot < planed->n_slots; slot++)
        if (memcmp(planed->values + slot * planed->n_margins, values, size) == 0)
            return (int32_t)slot;
    memcpy(planed->values + planed->n_slots * planed->n_margins, values, size);
    return (int32_t)planed->n_slots++;
}

static void plane_tree(const wb_trees *trees, int64_t tree, wb_planed *planed, waiting *stack)
{
    const int64_t first = planed->n_slots;
    int64_t n_waiting = 1;
    int32_t at = 0;
    stack[0] = (waiting){trees->roots[tree], -1};
    for (; n_waiting; at++) {
        const waiting next = stack[--n_waiting];
        if (next.parent >= 0)
            planed->inner[next.parent].right = at;
        if (trees->left[next.node] < 0) {
            const double *values = trees->values + next.node * trees->n_margins;
            planed->ends[planed->n_ends++] = (wb_end){at, find_slot(planed, values, first)};
            continue;
        }
        planed->inner[planed->n_inner] = (wb_inner){.threshold = trees->threshold[next.node],
                                                    .column = trees->column[next.node],
                                                    .at = at,
                                                    .takes_missing = trees->missing_left[next.node] != 0};
        stack[n_waiting++] = (waiting){trees->right[next.node], planed->n_inner++};
        stack[n_waiting++] = (waiting){trees->left[next.node], -1};
    }
    if (at > planed->most_nodes)
        planed->most_nodes = at;
}

int32_t wb_plane_trees(const wb_trees *trees, wb_planed *planed)
{
    memset(planed, 0, sizeof *planed);
    const int32_t status = wb_check_trees(trees);
    if (status != WB_OK)
        return status;
    const size_t n_nodes = (size_t)trees->n_nodes + 1, n_trees = (size_t)trees->n_trees + 1;
    planed->n_trees = trees->n_trees;
    planed->n_margins = trees->n_margins;
    planed->inner = malloc(n_nodes * sizeof *planed->inner);
    planed->ends = malloc(n_nodes * sizeof *planed->ends);
    planed->first_inner = malloc(n_trees * sizeof *planed->first_inner);
    planed->first_end = malloc(n_trees * sizeof *planed->first_end);
    planed->first_slot = malloc(n_trees * sizeof *planed->first_slot);
    planed->values = malloc(n_nodes * (size_t)trees->n_margins * sizeof *planed->values);
    waiting *stack = malloc(2 * n_nodes * sizeof *stack);
    const int has_room = planed->inner && planed->ends && planed->first_inner && planed->first_end &&
                         planed->first_slot && planed->values && stack;
    for (int64_t tree = 0; has_room && tree <= trees->n_trees; tree++) {
        planed->first_inner[tree] = planed->n_inner;
        planed->first_end[tree] = planed->n_ends;
        planed->first_slot[tree] = planed->n_slots;
        if (tree < trees->n_trees)
            plane_tree(trees, tree, planed, stack);
    }
    free(stack);
    return has_room ? WB_OK : WB_NO_MEMORY;
}

void wb_drop_planed(wb_planed *planed)
{
    free(planed->inner);
    free(planed->ends);
    free(planed->first_inner);
    free(planed->first_end);
    free(planed->first_slot);
    free(planed->values);
    memset(planed, 0, sizeof *planed);
}
