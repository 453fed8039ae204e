/* The steps from trees to leaves; each returns 0 where there is no memory. */
#ifndef WHYBOX_LEAVES_H
#define WHYBOX_LEAVES_H

#include "kernel.h"

/* cuts.c: the columns' cuts, and the place of every reached inner node's threshold among them; -1 elsewhere. */
int wb_cut_columns(const wb_trees *trees, wb_leaves *leaves, int64_t *cell);

/* leaf_arrays.c */
int wb_sort_leaves(wb_leaves *leaves);
int wb_make_quadratures(wb_leaves *leaves);
int wb_copy_columns(const wb_trees *trees, wb_leaves *leaves);

#endif
