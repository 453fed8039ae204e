/* Played leaves: the leaves of trees behind hidden columns, as their walks meet them.
 *
 *      leaf      own conditions       hidden conditions as sides of planes
 *                player 3, player 8   h0 in (7, 9]  ─▶  in plane "h0 <= 9", not in plane "h0 <= 7"
 *
 * Planes are numbered by their bounds: one for each cut of a hidden column. Leaves come in the order of their
 * numbers of conditions and sides, so that loops over them repeat themselves.
 */
#ifndef WHYBOX_PLAYED_H
#define WHYBOX_PLAYED_H

#include "walks.h"

typedef struct {
    const wb_condition *conditions; /* n_conditions of own columns */
    const double *values;           /* n_margins */
    int64_t first_side, wide;       /* number among the leaves of more than 8 conditions, -1 for the others */
    int32_t n_conditions, n_sides;
    int32_t margin;                 /* the only margin with a value, -1 where there are several */
    int32_t tree, place;            /* place: among all leaves, from left to right */
} wb_played_leaf;

typedef struct {
    double bound;
    int64_t column;  /* hidden column, from 0 */
    float narrow;    /* the largest float32 that is not above the bound */
    int32_t is_narrow;
} wb_plane;

typedef struct {
    const wb_leaves *traced;
    int64_t n_leaves, n_wide, n_planes, n_margins, n_hidden, n_own;
    wb_played_leaf *leaves;
    wb_plane *planes;
    int32_t *sides;       /* 2 x plane, plus 1 where a lane must not be in it */
    int64_t *first_plane; /* of each hidden column among the leaves' columns */
} wb_played;

/* Take a game's leaves apart and check that game and leaves fit; wb_put_away gives the memory back. */
int32_t wb_play(const wb_hidden_game *game, wb_played *played);
void wb_put_away(wb_played *played);

#endif
