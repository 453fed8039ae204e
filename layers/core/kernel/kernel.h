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
 *      library compares them; `source` and      cover       90   60   30   10   20   90
 *      `rules` say how each is read             values       0   -1    0    2    4  0.5     n_margins each
 *
 * A row goes left where its value is `<= threshold`, where it is missing (NaN) by `missing_left`. Its margins
 * are base + the sum of the values of the leaves it reaches.
 *
 * The explainers ask every leaf the other way round: which rows meet its conditions? Tests of one column merge
 * into one interval of cells, columns of one player into one condition (wb_trace makes this once):
 *
 *      leaf 3 of tree 0          condition     0                 1
 *        x1 > 0.5, x0 <= 7.0     player        0                 1
 *                                ratio         10/30             30/90     of the training weight on the way
 *                                test          x0 in (-, 7.0]    x1 in (0.5, -]
 *
 *      leaves      [first values k margin pair] [..]   sorted by k, their number of conditions
 *                     │ k in a row
 *      conditions  [player ratio first n_tests] [..] ..      increasing by player within a leaf
 *                                  │ n_tests in a row
 *      tests       [column start span missing] [..] ..
 *
 *      cell of a value: how many of its column's sorted thresholds (cuts) are below it
 *      a test is met where  cell - start <= span  as unsigned numbers, or the value is missing and so is `missing`
 *
 * Files:   kernel.c    levels, what is supported here       trees.c    is a layout sound?
 *          leaves.c    the way from trees to leaves, with cuts.c and leaf_arrays.c
 *          columns.h   how a row is read                    background.c  background rows as cells
 *          margins.c   rows walk down trees
 *          lanes/      one primitive each, written for several rows at a time and compiled once per level:
 *                      x86_64: baseline, avx2, avx512; arm64: neon. The order of a row's sums is the same in
 *                      all of them and no multiplication is fused with an addition, so that a level changes
 *                      the time and not one bit of an answer.
 *
 * What makes a layout (wb_trace, wb_margins) checks all it is given (counts, children, columns; cycles are
 * found) and returns a status. Nothing reads beyond what the counts say, minds other threads, or keeps state but for the
 * processor's best level.
 */
#ifndef WHYBOX_KERNEL_H
#define WHYBOX_KERNEL_H

#include <stdint.h>

/* Raised when a structure below changes: Python refuses a library of another version. */
#define WB_VERSION 6

typedef enum {
    WB_OK = 0,
    WB_BAD_COUNT = 1,  /* a negative count, or one beyond what an array can have */
    WB_BAD_ROOT = 2,   /* a root outside the nodes */
    WB_BAD_CHILD = 3,  /* a child outside the nodes, or one child only */
    WB_CYCLE = 4,      /* a node with two parents, or its own ancestor */
    WB_BAD_COLUMN = 5, /* a column, source or player outside what was said */
    WB_BAD_NUMBER = 6, /* a threshold that is not a number */
    WB_NO_MEMORY = 7,
    WB_BAD_LEVEL = 8, /* a level this processor does not have */
} wb_status;

/* How a column is read from its source, in this order. */
enum {
    WB_NARROW = 1, /* rounded to float32 */
    WB_NAN_IS_ZERO = 2,
    WB_ZERO_IS_MISSING = 4, /* |x| <= 1e-35, lightgbm's kZeroThreshold */
    WB_CATEGORIES = 8,      /* 0 where the category goes left, 1 where right */
    WB_MEMBERS_LEFT = 16,   /* the listed categories go left, all others right; else the reverse */
};

typedef struct {
    int64_t n_nodes, n_trees, n_sources, n_columns, n_margins, n_members;
    const int64_t *roots;                 /* n_trees */
    const int64_t *left, *right, *column; /* n_nodes each */
    const double *threshold;
    const uint8_t *missing_left;
    const double *cover;
    const double *values;        /* n_nodes x n_margins */
    const double *base;          /* n_margins */
    const int64_t *source;       /* n_columns, the column of a row it is read from */
    const uint8_t *rules;        /* n_columns */
    const int64_t *member_first; /* n_columns + 1, into members */
    const int64_t *members;      /* category numbers, increasing within a column */
} wb_trees;

typedef struct {
    int32_t column;
    uint32_t start, span;
    uint32_t missing;
} wb_test;

typedef struct {
    double ratio;
    int64_t first; /* into tests */
    int32_t n_tests;
    int32_t player;
} wb_condition;

typedef struct {
    int64_t first;  /* into conditions */
    int64_t values; /* into values, n_margins of them */
    int32_t k;
    int32_t margin; /* the only margin with a value, -1 where there are several */
    int32_t pair;   /* 1 and 2: this leaf and the next are siblings with values of one margin; 0: alone */
    int32_t split;  /* the condition that siblings differ in */
    int32_t tree, place; /* place: among all leaves, from left to right */
} wb_leaf;

typedef struct {
    int64_t n_leaves, n_conditions, n_tests, n_values, n_cuts, n_members;
    int64_t n_players, n_columns, n_sources, n_margins;
    int64_t max_conditions, max_cuts, n_points;
    wb_leaf *leaves;
    wb_condition *conditions;
    wb_test *tests;
    double *values;
    int64_t *cut_first; /* n_columns + 1 */
    double *cuts;
    int64_t *source; /* n_columns */
    uint8_t *rules;
    int64_t *member_first, *members;
    int64_t *rule_first; /* (max_conditions + 1) / 2 + 1: where the quadrature of so many points starts */
    double *points, *weights;
} wb_leaves;

/* The structures' version, and the best level of this processor; the name of a level, NULL if there is none. */
int32_t wb_version(void);
int32_t wb_best_level(void);
const char *wb_level_name(int32_t level);

/* trees.c: is the layout sound? Cost: one visit per node. */
int32_t wb_check_trees(const wb_trees *trees);

/* leaves.c: the leaves with a value and a condition, by player (n_columns of them, below n_players). The caller
 * releases them. Cost: a visit per node, and its conditions per leaf. */
int32_t wb_trace(const wb_trees *trees, const int64_t *players, int64_t n_players, wb_leaves **leaves);
void wb_release(wb_leaves *leaves);

/* leaves.c: the mean of each margin under the training weight, without the leaves that have no condition. */
void wb_cover_means(const wb_leaves *leaves, double *means);

/* leaves.c: 1 at [first][second] where two players stand together on a leaf; marks: n_players x n_players. */
void wb_mark_pairs(const wb_leaves *leaves, uint8_t *marks);

/* margins.c: the margins of n_rows (n_rows x n_sources), n_rows x n_margins. */
int32_t wb_margins(const wb_trees *trees, const double *rows, int64_t n_rows, double *margins);

/* background.c: background rows (n_rows x n_sources) with their weights, cut into cells once for all calls. */
typedef struct wb_background wb_background;
int32_t wb_open_background(const wb_leaves *leaves, const double *rows, const double *weights, int64_t n_rows,
                           wb_background **background);
void wb_close_background(wb_background *background);

/* lanes/path_dependent.c: Shapley values under the training weight, n_rows x n_players x n_margins.
 * Cost: k^2 for each row and leaf of k conditions. */
int32_t wb_path_dependent(int32_t level, const wb_leaves *leaves, const double *rows, int64_t n_rows,
                          double *values);

/* lanes/interventional.c: Shapley values against a background, n_rows x n_players x n_margins, times the sum of its
 * weights. n_asked is how many rows the whole question has: it decides between two ways of equal answers up to
 * rounding, so that blocks of rows have the bytes of one call. Leaves of more than 62 conditions: WB_BAD_COUNT.
 * Cost: (rows + background) x conditions, and per leaf k^2 2^k or the pairs of different patterns. */
int32_t wb_interventional(int32_t level, const wb_leaves *leaves, const wb_background *background,
                          const double *rows, int64_t n_rows, int64_t n_asked, double *values);

/* lanes/interactions.c: half the interaction index of n_pairs pairs of players (first < second, increasing), as
 * n_pairs x n_rows x n_margins; else as wb_interventional. Cost: k^2 look-ups for each row and leaf. */
int32_t wb_interactions(int32_t level, const wb_leaves *leaves, const wb_background *background,
                        const int64_t *pairs, int64_t n_pairs, const double *rows, int64_t n_rows,
                        int64_t n_asked, double *values);

#endif
