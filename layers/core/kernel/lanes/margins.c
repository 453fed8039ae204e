/* Margins: every row walks down every tree and adds up the leaves it ends in, in the order of the trees. */
#include "../columns.h"
#include "../levels.h"

#include <stdlib.h>

static int64_t find_leaf(const wb_trees *trees, int64_t node, const double *prepared)
{
    while (trees->left[node] >= 0) {
        const double value = prepared[trees->column[node]];
        const int goes_left = value != value ? trees->missing_left[node] != 0 : value <= trees->threshold[node];
        node = goes_left ? trees->left[node] : trees->right[node];
    }
    return node;
}

static void prepare_row(const wb_trees *trees, const double *row, double *prepared)
{
    for (int64_t column = 0; column < trees->n_columns; column++) {
        const int64_t first = trees->member_first[column];
        const wb_reading reading = {trees->rules[column], trees->members + first,
                                    trees->member_first[column + 1] - first};
        prepared[column] = wb_prepare(&reading, row[trees->source[column]]);
    }
}

int32_t WB_AT(wb_margins)(const wb_trees *trees, const double *rows, int64_t n_rows, double *margins)
{
    const int32_t status = n_rows < 0 ? WB_BAD_COUNT : wb_check_trees(trees);
    if (status != WB_OK)
        return status;
    double *prepared = malloc(((size_t)trees->n_columns + 1) * sizeof *prepared);
    if (!prepared)
        return WB_NO_MEMORY;
    for (int64_t row = 0; row < n_rows; row++) {
        double *sums = margins + row * trees->n_margins;
        prepare_row(trees, rows + row * trees->n_sources, prepared);
        for (int64_t margin = 0; margin < trees->n_margins; margin++)
            sums[margin] = 0.0;
        for (int64_t tree = 0; tree < trees->n_trees; tree++) {
            const int64_t leaf = find_leaf(trees, trees->roots[tree], prepared);
            for (int64_t margin = 0; margin < trees->n_margins; margin++)
                sums[margin] += trees->values[leaf * trees->n_margins + margin];
        }
        for (int64_t margin = 0; margin < trees->n_margins; margin++)
            sums[margin] += trees->base[margin];
    }
    free(prepared);
    return WB_OK;
}
