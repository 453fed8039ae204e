/* Is a layout of trees sound? Children and columns exist, and every node is reached once at most. */
#include "kernel.h"

#include <stdlib.h>

#define WB_EXPORT __attribute__((visibility("default")))

static int is_count(int64_t count)
{
    return count >= 0 && count <= INT32_MAX; /* positions fit 32 bits, and so do products of two counts 64 */
}

static int32_t check_columns(const wb_trees *trees)
{
    if (trees->member_first[0] != 0 || trees->member_first[trees->n_columns] != trees->n_members)
        return WB_BAD_COLUMN;
    for (int64_t column = 0; column < trees->n_columns; column++)
        if (trees->source[column] < 0 || trees->source[column] >= trees->n_sources ||
            trees->member_first[column] > trees->member_first[column + 1])
            return WB_BAD_COLUMN;
    return WB_OK;
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
        if (trees->threshold[node] != trees->threshold[node])
            return WB_BAD_NUMBER;
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
    if (!is_count(trees->n_nodes) || !is_count(trees->n_trees) || trees->n_trees > trees->n_nodes ||
        !is_count(trees->n_sources) || !is_count(trees->n_columns) || !is_count(trees->n_margins) ||
        !is_count(trees->n_members) || trees->n_margins == 0)
        return WB_BAD_COUNT;
    int32_t status = check_columns(trees);
    if (status != WB_OK)
        return status;
    uint8_t *is_seen = calloc((size_t)trees->n_nodes + 1, sizeof *is_seen);
    int64_t *stack = malloc(((size_t)trees->n_nodes + 1) * sizeof *stack);
    if (!is_seen || !stack)
        status = WB_NO_MEMORY;
    for (int64_t tree = 0; status == WB_OK && tree < trees->n_trees; tree++) {
        const int64_t root = trees->roots[tree];
        status = root < 0 || root >= trees->n_nodes ? WB_BAD_ROOT : check_tree(trees, root, is_seen, stack);
    }
    free(is_seen);
    free(stack);
    return status;
}
