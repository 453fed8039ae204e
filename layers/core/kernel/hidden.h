/* Hidden games: trees on own columns and on hidden ones that change with every coalition.
 *
 *      own columns    each of a player; a coalition takes it from the row or from the background row
 *      parts          what each player adds to each sum over own columns, for every row
 *                                                       n_sums = 1 + n_hidden for each layer
 *      layer          sums ─▶ which cluster (2 columns), rectified units (n_hidden columns)
 *                     the columns of the layers before it come in through direction and weights
 *      trees          columns: own ones, then 2 + n_hidden for each layer
 */
#ifndef WHYBOX_HIDDEN_H
#define WHYBOX_HIDDEN_H

#include "kernel.h"

typedef struct {
    int64_t n_hidden, n_before;
    double threshold;           /* a lane whose first sum is larger is in cluster 1 */
    const double *direction;    /* n_before */
    const double *weights;      /* n_before x n_hidden */
    const double *cluster_rows; /* 2 x 2: the cluster columns of a lane in cluster 0, in cluster 1 */
    const double *bias_rows;    /* 2 x n_hidden */
    const double *means, *scales; /* n_hidden each */
} wb_layer;

typedef struct {
    const wb_trees *trees;
    int64_t n_own, n_players, n_layers, n_sums, n_rows, n_background;
    const int64_t *own_players;                        /* n_own */
    const double *rows, *background;                   /* prepared own columns: (n, n_own) */
    const double *row_parts, *background_parts;        /* (n, n_sums, n_players) */
    const double *row_margins, *background_margins;    /* (n, n_margins) */
    const wb_layer *layers;
    const uint8_t *is_narrow;                          /* per hidden column: rounded to float32 */
} wb_hidden_game;

/* What is walked: n_groups x n_shared rows, n_walks permutations of each group against a background row each. */
typedef struct {
    int64_t n_groups, n_shared, n_walks;
    const int64_t *rows;        /* n_groups x n_shared */
    const int64_t *backgrounds; /* n_groups x n_walks */
    const int64_t *orders;      /* n_groups x n_walks x n_players */
} wb_walks;

/* lanes/hidden_walks.c: what antithetic pairs give each player, (groups, shared, walks, players, margins). */
int32_t wb_hidden_walks(int32_t level, const wb_hidden_game *game, const wb_walks *walks, double *pairs);

/* hidden.c: are counts and positions within what is there? */
int32_t wb_check_hidden(const wb_hidden_game *game);
int32_t wb_check_walks(const wb_walks *walks, int64_t n_rows, int64_t n_background, int64_t n_players);

#endif
