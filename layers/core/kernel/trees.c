/* Is a layout of trees sound? Children and columns exist, and every node is reached once at most. */
#include "kernel.h"

#include <stdlib.h>

#define WB_EXPORT __attribute__((visibility("default")))

static int has_bad_counts(const wb_trees *trees)
{
    const int64_t most = INT32_MAX; /* positions fit 32 bits, and so do products of two counts 64 */
    return trees->n_nodes < 0 || trees->n_nodes > most || trees->n_trees < 0 || trees->n_trees > trees->n_nodes ||
           trees->n_columns < 0 || trees->n_columns > most || trees->n_margins < 1 || trees->n_margins > most;
}

/* Follow one tree; `stack` has room for every node, as each is pushed once at most. */
static int32_t check_tree(const wb_trees *trees, int64_t root, uint8_t *is_seen, int64_t *stack)
{
    int64_t depth = 0;
    if (is_seen[root])
        return WB_CYCLE;
    is_seen[root] = 1;
    stack[depth++] = root;
    while (depth) {
        const int64_t node = stack[--depth];
        const int64_t children[] = {trees->left[node], trees->right[node]};
        if (children[0] < 0 && children[1] < 0)
            continue;
        if (trees->column[node] < 0 || trees->column[node] >= trees->n_columns)
            return WB_BAD_COLUMN;
        for (int side = 0; side < 2; side++) {
            const int64_t child = children[side];
            if (child < 0 || child >= trees->n_nodes)
                return WB_BAD_CHILD;
            if (is_seen[child])
                return WB_CYCLE;
            is_seen[child] = 1;
            stack[depth++] = child;
        }
    }
    return WB_OK;
}

WB_EXPORT int32_t wb_check_trees(const wb_trees *trees)
{
    if (has_bad_counts(trees))
        return WB_BAD_COUNT;
    uint8_t *is_seen = calloc((size_t)trees->n_nodes + 1, sizeof *is_seen);
    int64_t *stack = malloc(((size_t)trees->n_nodes + 1) * sizeof *stack);
    int32_t status = is_seen && stack ? WB_OK : WB_NO_MEMORY;
    for (int64_t tree = 0; status == WB_OK && tree < trees->n_trees; tree++) {
        const int64_t root = trees->roots[tree];
        status = root < 0 || root >= trees->n_nodes ? WB_BAD_ROOT : check_tree(trees, root, is_seen, stack);
    }
    free(is_seen);
    free(stack);
    return status;
}
