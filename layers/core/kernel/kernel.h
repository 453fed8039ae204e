/* The kernel: sums of trees explained at the speed of the memory bus. C11, the C library, nothing else.
 *
 * One flat layout serves every library (scikit-learn, xgboost, lightgbm; Python's readers make it). All trees
 * lie one after the other; a child is a position in the node arrays, -1 where there is none:
 *
 *      tree 0                     tree 1        roots        0   5
 *        0  x1 <= 0.5              5  (leaf)
 *       / \                                     node         0    1    2    3    4    5
 *      1   2  x0 <= 7.0                         left         1   -1    3   -1   -1   -1
 *         / \                                   right        2   -1    4   -1   -1   -1
 *        3   4                                  column       1   -1    0   -1   -1   -1
 *                                               threshold   0.5   .   7.0   .    .    .
 *      columns: prepared ones, as the           missing_left 1    .    0    .    .    .
 *      library compares them (float32           cover       90   60   30   10   20   90
 *      where it narrows, 0 or 1 for a set       values       0   -1    0    2    4  0.5     n_margins each
 *      of categories, NaN where missing)
 *
 * A row goes left where its value is `<= threshold`, where it is missing by `missing_left`. A row's margins are
 * base + the sum of the values of the leaves it reaches.
 *
 * Files:   kernel.c    levels, what is supported here       trees.c    is a layout sound?
 *          lanes/      one primitive each, written for 8 rows at a time and compiled once per level:
 *                      x86_64: baseline, avx2, avx512; arm64: neon. The order of a row's sums is the same in
 *                      all of them and no multiplication is fused with an addition, so that a level changes
 *                      the time and not one bit of an answer.
 *
 * Every primitive checks what it is given (counts, children, columns; cycles are found) and returns a status;
 * it never reads beyond what the counts say, keeps no state, and may run in several threads at once.
 */
#ifndef WHYBOX_KERNEL_H
#define WHYBOX_KERNEL_H

#include <stdint.h>

/* Raised when a structure below changes: Python refuses a library of another version. */
#define WB_VERSION 1

typedef enum {
    WB_OK = 0,
    WB_BAD_COUNT = 1,  /* a negative count, or one beyond what an array can have */
    WB_BAD_ROOT = 2,   /* a root outside the nodes */
    WB_BAD_CHILD = 3,  /* a child outside the nodes, or one child only */
    WB_CYCLE = 4,      /* a node with two parents, or its own ancestor */
    WB_BAD_COLUMN = 5, /* a column or player outside what was said */
    WB_NO_MEMORY = 6,
    WB_BAD_LEVEL = 7, /* a level this processor does not have */
} wb_status;

typedef struct {
    int64_t n_nodes, n_trees, n_columns, n_margins;
    const int64_t *roots; /* n_trees */
    const int64_t *left, *right, *column; /* n_nodes each */
    const double *threshold;
    const uint8_t *missing_left;
    const double *cover;
    const double *values; /* n_nodes x n_margins */
    const double *base;   /* n_margins */
} wb_trees;

/* The structures' version, and the best level of this processor; the name of a level, NULL if there is none. */
int32_t wb_version(void);
int32_t wb_best_level(void);
const char *wb_level_name(int32_t level);

/* trees.c: is the layout sound? Cost: one visit per node. */
int32_t wb_check_trees(const wb_trees *trees);

/* lanes/margins.c: base + leaf values of n_rows prepared rows (n_rows x n_columns) into n_rows x n_margins. */
int32_t wb_margins(int32_t level, const wb_trees *trees, const double *rows, int64_t n_rows, double *margins);

#endif
