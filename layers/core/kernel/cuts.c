/* Cuts: every column's different thresholds in order, and the place of each node's threshold among them. */
#include "leaves.h"

#include <stdlib.h>
#include <string.h>

/* Sort numbers: runs of 16 by insertion, then merged; `spare` has room for all. */
static void sort_numbers(double *numbers, int64_t n, double *spare)
{
    for (int64_t start = 0; start < n; start += 16)
        for (int64_t i = start + 1; i < n && i < start + 16; i++) {
            const double number = numbers[i];
            int64_t j = i;
            for (; j > start && numbers[j - 1] > number; j--)
                numbers[j] = numbers[j - 1];
            numbers[j] = number;
        }
    for (int64_t width = 16; width < n; width *= 2) {
        for (int64_t start = 0; start < n; start += 2 * width) {
            const int64_t middle = start + width < n ? start + width : n;
            const int64_t end = middle + width < n ? middle + width : n;
            int64_t i = start, j = middle;
            for (int64_t place = start; place < end; place++)
                spare[place] =
                    i < middle && (j == end || numbers[i] <= numbers[j]) ? numbers[i++] : numbers[j++];
        }
        memcpy(numbers, spare, (size_t)n * sizeof *numbers);
    }
}

static int64_t place_of(const double *cuts, int64_t n, double threshold)
{
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (cuts[middle] < threshold)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Mark the inner nodes that trees reach with a cell of 0, all others with -1; `stack` has room for every node. */
static void mark_inner(const wb_trees *trees, int64_t *cell, int64_t *stack)
{
    for (int64_t node = 0; node < trees->n_nodes; node++)
        cell[node] = -1;
    for (int64_t tree = 0; tree < trees->n_trees; tree++) {
        int64_t depth = 0;
        stack[depth++] = trees->roots[tree];
        while (depth) {
            const int64_t node = stack[--depth];
            if (trees->left[node] < 0)
                continue;
            cell[node] = 0;
            stack[depth++] = trees->left[node];
            stack[depth++] = trees->right[node];
        }
    }
}

/* Put thresholds column by column; returns where each column ends in `ends`. */
static void gather(const wb_trees *trees, const int64_t *cell, double *cuts, int64_t *ends)
{
    for (int64_t node = 0; node < trees->n_nodes; node++)
        if (cell[node] >= 0)
            ends[trees->column[node] + 1]++;
    for (int64_t column = 0; column < trees->n_columns; column++)
        ends[column + 1] += ends[column];
    for (int64_t node = 0; node < trees->n_nodes; node++)
        if (cell[node] >= 0)
            cuts[ends[trees->column[node]]++] = trees->threshold[node];
}

/* Sort each column's part and keep each number once. */
static void sort_columns(wb_leaves *leaves, const int64_t *ends, double *spare)
{
    int64_t start = 0;
    for (int64_t column = 0; column < leaves->n_columns; column++) {
        double *kept = leaves->cuts + leaves->n_cuts;
        int64_t n_kept = 0;
        sort_numbers(leaves->cuts + start, ends[column] - start, spare);
        for (int64_t i = start; i < ends[column]; i++)
            if (!n_kept || leaves->cuts[i] > kept[n_kept - 1])
                kept[n_kept++] = leaves->cuts[i];
        leaves->n_cuts += n_kept;
        leaves->cut_first[column + 1] = leaves->n_cuts;
        if (n_kept > leaves->max_cuts)
            leaves->max_cuts = n_kept;
        start = ends[column];
    }
}

int wb_cut_columns(const wb_trees *trees, wb_leaves *leaves, int64_t *cell)
{
    int64_t *ends = calloc((size_t)trees->n_columns + 2, sizeof *ends);
    int64_t *stack = malloc(((size_t)trees->n_nodes + 2) * sizeof *stack);
    double *spare = malloc(((size_t)trees->n_nodes + 1) * sizeof *spare);
    leaves->cuts = malloc(((size_t)trees->n_nodes + 1) * sizeof *leaves->cuts);
    leaves->cut_first = calloc((size_t)trees->n_columns + 1, sizeof *leaves->cut_first);
    const int is_ready = ends && stack && spare && leaves->cuts && leaves->cut_first;
    if (is_ready) {
        mark_inner(trees, cell, stack);
        gather(trees, cell, leaves->cuts, ends);
        sort_columns(leaves, ends, spare);
    }
    for (int64_t node = 0; is_ready && node < trees->n_nodes; node++)
        if (cell[node] >= 0) {
            const int64_t first = leaves->cut_first[trees->column[node]],
                          end = leaves->cut_first[trees->column[node] + 1];
            cell[node] = place_of(leaves->cuts + first, end - first, trees->threshold[node]);
        }
    free(ends);
    free(stack);
    free(spare);
    return is_ready;
}
