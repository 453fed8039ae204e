/* Walks: what players add along permutations, with many coalitions at a time in the bits of a word.
 *
 *      order           4   1   7   0   3      a coalition is a beginning of the order: its players are taken from
 *      coalition       4 | 4 1 | 4 1 7 | ..   the row, all others from the background row
 *      its complement  the same beginning taken from the background row, all others from the row
 *
 * An antithetic pair walks both ways; the mean of what a player adds is its share (the pairs below).
 *
 * Trees behind hidden columns (wb_hidden_walks):
 *
 *      own columns     each of a player: taken from the row or from the background row
 *      sums            over own columns, 1 + n_hidden of each layer; parts say what each player adds to them
 *      layer           sums ─▶ cluster (2 columns), rectified units (n_hidden columns); the columns of the layers
 *                      before it come in through direction and weights
 *      leaves          players 0..n_players-1 are those of the own columns, player n_players + h is hidden column h
 *
 * Heads (wb_heads), for each output: a linear model on own columns, or behind hidden ones; a network of one layer of
 * rectified units is one whose last layer they are. What the own columns add themselves comes in by sums of its own, or is
 * left out:
 *
 *      margin          offset + own sum, if there are any
 *                      + of_clusters[side of the last layer] + of_units . rectified units + of_before . columns before,
 *                      if there are layers
 *      answer          link(margins)
 *
 * Trees behind a link (wb_linked_walks): every answer is link(margins) less a control, a polynomial of an additive
 * function T of the players whose own shares are known (wb_control_shares):
 *
 *      T(S)            start of the background row + what each player of S adds (gain of the row - of the other)
 *      answer(S)       link(margins of S) - (c0 + c1 T + .. + c5 T^5), for each output
 */
#ifndef WHYBOX_WALKS_H
#define WHYBOX_WALKS_H

#include "kernel.h"

typedef struct {
    int64_t n_hidden, n_before;
    double threshold;             /* a lane whose first sum is larger is in cluster 1 */
    const double *direction;      /* n_before */
    const double *weights;        /* n_before x n_hidden */
    const double *cluster_rows;   /* 2 x 2: the cluster columns of a lane in cluster 0, in cluster 1 */
    const double *bias_rows;      /* 2 x n_hidden */
    const double *means, *scales; /* n_hidden each */
} wb_layer;

typedef struct {
    const wb_leaves *leaves;
    const wb_layer *layers;
    int64_t n_own, n_players, n_layers, n_sums, n_rows, n_background;
    const double *rows, *background;                /* own columns: (n, n_own) */
    const double *row_parts, *background_parts;     /* (n, n_sums, n_players) */
} wb_hidden_game;

typedef struct {
    const wb_layer *layers;                     /* means and scales of the last are not read */
    int64_t n_players, n_layers, n_sums, n_outputs, n_rows, n_background;
    int64_t n_own_sums, link;                   /* n_own_sums: n_outputs, or 0 where there are layers */
    const double *row_parts, *background_parts; /* (n, n_sums, n_players): the own sums, then those of the layers */
    const double *offset;                       /* n_own_sums */
    const double *of_clusters;                  /* (n_outputs, 2) */
    const double *of_units, *of_before;         /* (n_outputs, n_hidden) and (n_outputs, n_before) of the last layer */
} wb_head;

/* n_groups x n_shared rows; the rows of a group share n_walks permutations, each against a background row. */
typedef struct {
    int64_t n_groups, n_shared, n_walks;
    const int64_t *rows;        /* n_groups x n_shared */
    const int64_t *backgrounds; /* n_groups x n_walks */
    const int64_t *orders;      /* n_groups x n_walks x n_players */
} wb_walks;

enum { WB_LOGISTIC = 0, WB_SOFTMAX = 1, WB_EXPONENTIAL = 2, WB_IDENTITY = 3 };

enum { WB_CONTROL = 6, WB_SUMS = 6 };

typedef struct {
    const wb_leaves *leaves;
    int64_t n_players, n_rows, n_background, n_outputs, link;
    const double *rows, *background;               /* (n, n_sources) */
    const double *background_margins;              /* (n_background, n_margins), where every walk starts */
    const double *background_outputs;              /* (n_background, n_outputs) */
    const double *row_gains, *background_gains;    /* (n, n_outputs, n_players) */
    const double *starts;                          /* (n_background, n_outputs): T of nobody */
    const double *control;                         /* (n_outputs, WB_CONTROL) */
    const double *weights;                         /* n_background */
} wb_linked_game;

/* Groups of rows that visit background rows together, along one permutation or two. */
typedef struct {
    int64_t n_groups;
    const int64_t *first_row;   /* n_groups + 1, into rows */
    const int64_t *rows;
    const int64_t *first_visit; /* n_groups + 1, into the four below */
    const int64_t *backgrounds;
    const double *weights;      /* 0: the background row stands for others too */
    const double *spreads;      /* 0: one permutation only; else how many visits' variance this one's stands for */
    const int64_t *orders;      /* (visits, 2, n_players) */
} wb_visits;

/* walks.c: do the counts fit each other? */
int32_t wb_check_head(const wb_head *head);

/* walks.c: do counts and link fit each other? */
int32_t wb_check_linked(const wb_linked_game *game);

/* walks.c: are walks, and visits, within what is there? An order lists every player once. */
int32_t wb_check_walks(const wb_walks *walks, int64_t n_rows, int64_t n_background, int64_t n_players);
int32_t wb_check_visits(const wb_visits *visits, int64_t n_rows, int64_t n_background, int64_t n_players);

/* lanes/hidden_walks.c: the pairs, (groups, shared, walks, players, margins). */
int32_t wb_hidden_walks(int32_t level, const wb_hidden_game *game, const wb_walks *walks, double *pairs);

/* lanes/heads.c: the pairs, (groups, shared, walks, players, outputs). */
int32_t wb_heads(int32_t level, const wb_head *head, const wb_walks *walks, double *pairs);

/* lanes/linked_walks.c: a visit of weight w and spread s to a background row whose answer is t gives one or two
 * pairs, with mean e and half difference d. Adds up w e, s (w d)^2, (s (w d)^2)^2 over the visits that have a weight,
 * and e, e^2, e t over those that have none, for each row: (rows, WB_SUMS, players, outputs). */
int32_t wb_linked_walks(int32_t level, const wb_linked_game *game, const wb_visits *visits, double *sums);

/* lanes/control_shares.c: the shares of the control, mean over the weighted background: (rows, players, outputs). */
int32_t wb_control_shares(int32_t level, const wb_linked_game *game, double *shares);

#endif
