/* Leaf changes: what one leaf adds to the margins of 16 rows along permutations and back.
 *
 * The rows share background row and permutations, so a leaf's conditions are joined by all of them in the same
 * order; a row stays with the leaf as long as it meets what has joined, and the background row the rest:
 *
 *      conditions by rank     3      8      20         rows that met all so far      1011   1001   0001
 *      background row misses  x      -      x          the leaf                      off    off    on in the last row
 *
 * It comes on where the last condition joins that the background row misses, and goes off in the rows that fail one
 * that joins later. What is added at each rank is summed up along the walk; back it is the same from the other end.
 */
#ifndef WHYBOX_LEAF_CHANGES_H
#define WHYBOX_LEAF_CHANGES_H

#include "met_rows.h"

enum { WB_WAYS = 4, WB_MOST_SORTED = 64 }; /* two permutations, there and back */

/* What is walked: one permutation or two. */
typedef struct {
    int64_t n_orders, n_players, n_margins;
    int32_t *ranks;      /* (orders, players) */
    wb_sixteen *changes; /* (ways, margins, players + 1): by rank, from the second on */
} wb_ways;

/* A condition of a leaf on its way into an order: its rank, and which condition it is. */
#define WB_KEY(rank, bit) ((int32_t)(rank) * WB_MOST_SORTED + (bit))

typedef struct {
    const wb_played_leaf *leaf;
    const int32_t *players; /* of its conditions */
    const uint32_t *masks;  /* rows that meet them */
    uint64_t missed;       /* conditions that the background row misses */
    uint32_t all;
    int64_t margin;
} wb_change;

/* Follow a leaf along one walk, k conditions with keys in the order in which they join. A rank changes the sum where
 * nothing that joins later has to come on: by the leaf's value in the rows that meet all so far where its condition
 * was missed, else by minus that value in those that fail it first. */
static inline void wb_follow_leaf(const wb_change *of, wb_sixteen *changes, const int32_t *keys, int64_t k,
                                  int64_t step, int64_t first)
{
    const double value = of->leaf->values[of->margin];
    uint64_t missed = of->missed;
    uint32_t met = of->all;
    for (int64_t at = 0; at < k; at++, keys += step) {
        const int32_t bit = *keys % WB_MOST_SORTED, is_missed = (int32_t)(missed >> bit & 1);
        const int64_t rank = first + step * (*keys / WB_MOST_SORTED);
        missed &= ~((uint64_t)1 << bit);
        const uint32_t changed = met & (of->masks[bit] ^ (uint32_t)(is_missed - 1)) & (missed ? 0u : ~0u);
        met &= of->masks[bit];
        wb_add_rows((double *)(changes + rank), changed, is_missed ? value : -value);
    }
}

static inline void wb_sort_keys(int32_t *keys, int64_t k)
{
    for (int64_t at = 1; at < k; at++)
        for (int64_t place = at; place > 0 && keys[place - 1] > keys[place]; place--) {
            const int32_t key = keys[place];
            keys[place] = keys[place - 1];
            keys[place - 1] = key;
        }
}

/* Add what a leaf changes along all ways. */
static inline void wb_add_leaf(const wb_ways *ways, const wb_change *of)
{
    const int64_t p = ways->n_players, stride = ways->n_margins * (p + 1), k = of->leaf->n_conditions;
    wb_sixteen *changes = ways->changes + of->margin * (p + 1) + 1;
    int32_t keys[WB_MOST_SORTED];
    for (int64_t order = 0; order < ways->n_orders; order++, changes += 2 * stride) {
        for (int64_t bit = 0; bit < k; bit++)
            keys[bit] = WB_KEY(ways->ranks[order * p + of->players[bit]], (int32_t)bit);
        wb_sort_keys(keys, k);
        wb_follow_leaf(of, changes, keys, k, 1, 0);
        wb_follow_leaf(of, changes + stride, keys + k - 1, k, -1, p - 1);
    }
}

/* The rows in which a leaf is on once what the background row misses has joined. */
static inline uint32_t wb_find_reached(const wb_change *of)
{
    uint32_t reached = of->all;
    for (int32_t bit = 0; bit < of->leaf->n_conditions; bit++)
        reached &= of->masks[bit] | (uint32_t)((of->missed >> bit & 1) - 1);
    return reached;
}

/* Is a leaf neither off throughout nor on throughout? */
static inline int wb_does_change(const wb_change *of)
{
    uint32_t met = of->all;
    for (int32_t bit = 0; bit < of->leaf->n_conditions; bit++)
        met &= of->masks[bit];
    return of->missed ? wb_find_reached(of) != 0 : met != of->all;
}

#endif
