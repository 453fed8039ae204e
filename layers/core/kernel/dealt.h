/* Dealt tables: the same rows over and over, with the cells of one group of columns dealt to other rows.
 *
 *      version (group, repeat)     row 0   its own cells, but those of the group come from row deals[repeat][0]
 *                                  row 1   .. from row deals[repeat][1]
 *
 * Behind hidden layers the columns are read as in walks.h: a row's sums are its own, less what the group's cells add
 * to them, plus what the dealt cells add.
 */
#ifndef WHYBOX_DEALT_H
#define WHYBOX_DEALT_H

#include "walks.h"

typedef struct {
    const wb_layer *layers;
    int64_t n_rows, n_own, n_groups, n_repeats, n_layers, n_sums;
    const double *rows;          /* (n_rows, n_own) */
    const int64_t *deals;        /* (n_repeats, n_rows) */
    const int64_t *first_member; /* n_groups + 1, into members */
    const int64_t *members;      /* own columns */
    const double *sums;          /* (n_rows, n_sums) */
    const double *parts;         /* (n_groups, n_rows, n_sums) */
} wb_dealt;

/* dealt.c: do layers fit each other, and a table its trees? Both say how many hidden columns there are. */
int32_t wb_check_layers(const wb_layer *layers, int64_t n_layers, int64_t n_sums, int64_t *n_hidden);
int32_t wb_check_dealt(const wb_trees *trees, const wb_dealt *dealt, int64_t *n_hidden);

/* lanes/dealt_margins.c: sums of leaves, without the base, of all versions: (groups, repeats, rows, margins), each
 * added up in the order of the trees. */
int32_t wb_dealt_margins(int32_t level, const wb_trees *trees, const wb_dealt *dealt, double *margins);

#endif
