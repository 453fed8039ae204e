/* Planed trees: 64 rows walk down a tree at once, each inner node a word of the rows that go left there.
 *
 *      x1 <= 0.5                inner   at  right  column       leaves   at  slot        slots    values
 *       /    \                    0      0    2      x1            0      1    0            0      2.0
 *     2.0   x0 <= 7.0             1      2    4      x0            1      3    1            1     -1.0
 *            /    \                                                2      4    0
 *         -1.0    2.0           `at` counts the nodes of a tree from its root, a left child is the next one.
 *
 *      the rows that reach a node part by its plane; leaves of equal values gather theirs in one slot
 *
 * Slots stand in the order of the trees, so that a row's sum is added up in that order; leaves of value 0 have none.
 */
#ifndef WHYBOX_PLANED_H
#define WHYBOX_PLANED_H

#include "kernel.h"

typedef struct {
    double threshold;
    int64_t column;
    int32_t at, right;
    int32_t takes_missing;
} wb_inner;

typedef struct {
    int32_t at, slot; /* slot -1: adds nothing */
} wb_end;

typedef struct {
    int64_t n_trees, n_inner, n_ends, n_slots, n_margins, most_nodes;
    wb_inner *inner;
    wb_end *ends;
    int64_t *first_inner, *first_end, *first_slot; /* n_trees + 1 each */
    double *values;                                /* n_slots x n_margins */
} wb_planed;

/* Check trees and lay them out so; wb_drop_planed gives the memory back, also after a refusal. */
int32_t wb_plane_trees(const wb_trees *trees, wb_planed *planed);
void wb_drop_planed(wb_planed *planed);

#endif
