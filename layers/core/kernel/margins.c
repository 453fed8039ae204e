/* Margins: every row walks down every tree and adds up the leaves it ends in, in the order of the trees.
 *
 * Eight rows walk side by side, so that one's wait for its next node is the other's step; a tree's nodes stay in
 * the cache while all rows of a block pass. Not in lanes/: gathered by vector instructions the steps were slower.
 */
#include "columns.h"

#include <stdlib.h>

#define WB_EXPORT __attribute__((visibility("default")))
#define SIDE_BY_SIDE 8
#define BLOCK_ROWS 64

/* What a step needs of a node, in a row; a leaf leads to itself. */
typedef struct {
    double threshold;
    int32_t left, right, column, missing;
} step;

static step *lay_out_steps(const wb_trees *trees)
{
    step *steps = malloc(((size_t)trees->n_nodes + 1) * sizeof *steps);
    for (int64_t node = 0; steps && node < trees->n_nodes; node++) {
        const int is_leaf = trees->left[node] < 0;
        steps[node].threshold = trees->threshold[node];
        steps[node].left = (int32_t)(is_leaf ? node : trees->left[node]);
        steps[node].right = (int32_t)(is_leaf ? node : trees->right[node]);
        steps[node].column = is_leaf ? 0 : (int32_t)trees->column[node];
        steps[node].missing = trees->missing_left[node] != 0;
    }
    return steps;
}

/* Read some rows, the columns of a row in a row. */
static void prepare_rows(const wb_trees *trees, const double *rows, int64_t n_rows, double *prepared)
{
    for (int64_t column = 0; column < trees->n_columns; column++) {
        const int64_t first = trees->member_first[column];
        const wb_reading reading = {trees->rules[column], trees->members + first,
                                    trees->member_first[column + 1] - first};
        const double *cells = rows + trees->source[column];
        for (int64_t row = 0; row < n_rows; row++)
            prepared[row * trees->n_columns + column] = wb_prepare(&reading, cells[row * trees->n_sources]);
    }
}

/* Walk some rows down one tree; `nodes` starts at its root and ends at their leaves. */
static void walk_down(const step *steps, const double *prepared, int64_t n_columns, int32_t *nodes)
{
    for (int moved = 1; moved;) {
        moved = 0;
        for (int64_t i = 0; i < SIDE_BY_SIDE; i++) {
            const step *at = steps + nodes[i];
            const double value = prepared[i * n_columns + at->column];
            const int goes_left = (value <= at->threshold) | ((value != value) & at->missing);
            const int32_t next = goes_left ? at->left : at->right;
            moved |= next != nodes[i];
            nodes[i] = next;
        }
    }
}

static void add_block(const wb_trees *trees, const step *steps, const double *prepared, int64_t n_rows,
                      double *margins)
{
    const int64_t n_margins = trees->n_margins, n_columns = trees->n_columns;
    for (int64_t tree = 0; tree < trees->n_trees; tree++)
        for (int64_t start = 0; start < n_rows; start += SIDE_BY_SIDE) {
            const int64_t some = n_rows - start < SIDE_BY_SIDE ? n_rows - start : SIDE_BY_SIDE;
            int32_t nodes[SIDE_BY_SIDE];
            for (int64_t i = 0; i < SIDE_BY_SIDE; i++)
                nodes[i] = (int32_t)trees->roots[tree];
            walk_down(steps, prepared + start * n_columns, n_columns, nodes);
            for (int64_t i = 0; i < some; i++)
                for (int64_t margin = 0; margin < n_margins; margin++)
                    margins[(start + i) * n_margins + margin] += trees->values[nodes[i] * n_margins + margin];
        }
}

WB_EXPORT int32_t wb_margins(const wb_trees *trees, const double *rows, int64_t n_rows, double *margins)
{
    int32_t status = n_rows < 0 ? WB_BAD_COUNT : wb_check_trees(trees);
    if (status != WB_OK)
        return status;
    step *steps = lay_out_steps(trees);
    double *prepared = calloc((size_t)trees->n_columns * BLOCK_ROWS + 1, sizeof *prepared);
    if (!steps || !prepared)
        status = WB_NO_MEMORY;
    for (int64_t start = 0; status == WB_OK && start < n_rows; start += BLOCK_ROWS) {
        const int64_t some = n_rows - start < BLOCK_ROWS ? n_rows - start : BLOCK_ROWS;
        double *sums = margins + start * trees->n_margins;
        for (int64_t i = 0; i < some * trees->n_margins; i++)
            sums[i] = 0.0;
        prepare_rows(trees, rows + start * trees->n_sources, some, prepared);
        add_block(trees, steps, prepared, some, sums);
        for (int64_t i = 0; i < some * trees->n_margins; i++)
            sums[i] += trees->base[i % trees->n_margins];
    }
    free(steps);
    free(prepared);
    return status;
}
