/* Leaves: what a row must meet on the way to each leaf, own columns by player and hidden columns by plane.
 *
 *      x3 <= 5, x1 > 2, x3 > 1, h0 > 7, h0 <= 9       tests of one column merge into an interval,
 *                                                     columns of one player into one condition
 *      condition 0 (player of x1)    2 < x1           bit 0 of a row's pattern
 *      condition 1 (player of x3)    1 < x3 <= 5      bit 1
 *      planes      not `h0 <= 7`,  `h0 <= 9`          64 lanes each, read when a leaf asks for them
 *
 * Leaves of value 0 are left out; the others come in the order of their numbers of conditions and of planes, so
 * that loops over them repeat themselves. A path through more than 63 players does not fit a pattern: WB_BAD_COUNT.
 */
#ifndef WHYBOX_LEAVES_H
#define WHYBOX_LEAVES_H

#include "kernel.h"

typedef struct {
    double low, high; /* met where low < value <= high */
    int64_t column;
    int32_t condition, takes_missing;
} wb_test;

typedef struct {
    double bound;
    int64_t column; /* hidden column, from 0 */
    float narrow;   /* the largest float32 that is not above the bound */
} wb_plane;

typedef struct {
    int64_t node;
    int64_t first_test, n_tests;
    int64_t first_player, n_conditions;
    int64_t first_side, n_sides;
} wb_leaf;

typedef struct {
    int64_t n_leaves, n_planes, n_tests, n_players, n_sides, n_margins;
    wb_leaf *leaves;
    wb_test *tests;
    int32_t *players; /* of each condition */
    int32_t *sides;   /* 2 x plane, plus 1 where a lane must not be in it */
    wb_plane *planes;
    double *values;   /* n_leaves x n_margins */
} wb_leaves;

/* Check trees and trace their leaves; columns from n_own on are hidden. wb_drop_leaves gives the memory back. */
int32_t wb_trace_leaves(const wb_trees *trees, int64_t n_own, const int64_t *own_players, wb_leaves *leaves);
void wb_drop_leaves(wb_leaves *leaves);

/* Which conditions of each leaf a row of own columns meets: one word per leaf. */
void wb_read_patterns(const wb_leaves *leaves, const double *row, uint64_t *patterns);

#endif
