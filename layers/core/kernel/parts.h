/* Parts: neighbouring leaves of one tree, and what the background rows that are visited miss of them.
 *
 *      part      leaves          pattern of a part: what a background row misses of all of its leaves
 *      0         0 1 2              place 0    place 1    place 2      (background rows that are visited)
 *      1         3 4 5 6      0     0          1          0
 *                             1     2          2          3
 *
 * Hardly any part tells all background rows apart, and those with the same pattern are the same to it.
 */
#ifndef WHYBOX_PARTS_H
#define WHYBOX_PARTS_H

#include "lanes/missed.h"

/* Leaves of a part: a tree of as many is one part. Few leaves have few players, and tables of few players are fast
 * (measured). */
enum { WB_PART_LEAVES = 8 };

typedef struct {
    int64_t first, n_leaves; /* among the played leaves */
    int32_t margin;          /* the only margin with a value, -1 where there are several */
} wb_part;

typedef struct {
    int64_t n_parts, n_places, n_patterns;
    wb_part *parts;
    int32_t *patterns; /* (places, parts) */
} wb_parts;

/* Sort played leaves from left to right, and divide those of each tree into parts. Give back with wb_forget_parts,
 * also where there was no memory. */
int32_t wb_list_parts(wb_played *leaves, wb_parts *parts);

/* Number the patterns of some background rows: the rows of `missed`, read after the leaves were sorted. */
int32_t wb_number_patterns(const wb_played *leaves, const wb_missed *missed, wb_parts *parts);

void wb_forget_parts(wb_parts *parts);

#endif
