/* Dividing leaves into parts, and numbering what background rows miss of them; see parts.h. */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

/* Sort leaves by tree, those of a tree as they are; starts (trees + 1), zeros. */
static void sort_leaves(const wb_played_leaf *leaves, int64_t n_leaves, int64_t n_trees, int64_t *starts,
                        wb_played_leaf *sorted)
{
    for (int64_t number = 0; number < n_leaves; number++)
        starts[leaves[number].tree]++;
    for (int64_t tree = 0; tree < n_trees; tree++)
        starts[tree + 1] += starts[tree];
    for (int64_t number = n_leaves; number-- > 0;)
        sorted[--starts[leaves[number].tree]] = leaves[number];
}

static void add_part(const wb_played_leaf *leaves, int64_t first, int64_t n_leaves, wb_parts *parts)
{
    wb_part part = {first, n_leaves, leaves[first].margin};
    for (int64_t at = 1; at < n_leaves; at++)
        if (leaves[first + at].margin != part.margin)
            part.margin = -1;
    parts->parts[parts->n_parts++] = part;
}

int32_t wb_list_parts(wb_played *leaves, wb_parts *parts)
{
    *parts = (wb_parts){0};
    int64_t n_trees = 0;
    for (int64_t number = 0; number < leaves->n_leaves; number++)
        n_trees = leaves->leaves[number].tree >= n_trees ? leaves->leaves[number].tree + 1 : n_trees;
    int64_t *starts = calloc((size_t)n_trees + 1, sizeof *starts);
    wb_played_leaf *sorted = malloc(((size_t)leaves->n_leaves + 1) * sizeof *sorted);
    parts->parts = malloc(((size_t)n_trees + 1) * sizeof *parts->parts);
    const int has_room = starts && sorted && parts->parts;
    if (has_room) {
        sort_leaves(leaves->leaves, leaves->n_leaves, n_trees, starts, sorted);
        free(leaves->leaves);
        leaves->leaves = sorted;
    } else {
        free(sorted);
    }
    for (int64_t tree = 0; has_room && tree < n_trees; tree++)
        if (starts[tree + 1] > starts[tree])
            add_part(leaves->leaves, starts[tree], starts[tree + 1] - starts[tree], parts);
    free(starts);
    return has_room ? WB_OK : WB_NO_MEMORY;
}

typedef struct {
    const wb_played *leaves;
    const wb_missed *missed;
    wb_part part;
} reading;

static inline uint64_t read_leaf(const reading *of, int64_t place, int64_t at)
{
    const int64_t number = of->part.first + at;
    return wb_missed_of(of->missed, of->leaves->leaves + number, place, number);
}

static uint64_t hash_pattern(const reading *of, int64_t place)
{
    uint64_t hash = 0;
    for (int64_t at = 0; at < of->part.n_leaves; at++) {
        hash = (hash ^ read_leaf(of, place, at)) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

static int are_same(const reading *of, int64_t place, int64_t other)
{
    for (int64_t at = 0; at < of->part.n_leaves; at++)
        if (read_leaf(of, place, at) != read_leaf(of, other, at))
            return 0;
    return 1;
}

/* Number the patterns of one part. slots: a power of two, more than places; first places of patterns, -1. */
static void number_part(const reading *of, wb_parts *parts, int64_t part, int64_t *slots, uint64_t n_slots)
{
    for (uint64_t slot = 0; slot < n_slots; slot++)
        slots[slot] = -1;
    for (int64_t place = 0; place < parts->n_places; place++) {
        uint64_t slot = hash_pattern(of, place) & (n_slots - 1);
        while (slots[slot] >= 0 && !are_same(of, place, slots[slot]))
            slot = (slot + 1) & (n_slots - 1);
        const int is_new = slots[slot] < 0;
        if (is_new)
            slots[slot] = place;
        parts->patterns[place * parts->n_parts + part] =
            is_new ? (int32_t)parts->n_patterns++ : parts->patterns[slots[slot] * parts->n_parts + part];
    }
}

int32_t wb_number_patterns(const wb_played *leaves, const wb_missed *missed, wb_parts *parts)
{
    parts->n_places = missed->n_rows;
    if (parts->n_places * parts->n_parts > INT32_MAX)
        return WB_BAD_COUNT;
    uint64_t n_slots = 2;
    while (n_slots < 2 * (uint64_t)parts->n_places)
        n_slots *= 2;
    int64_t *slots = malloc(n_slots * sizeof *slots);
    parts->patterns = malloc(((size_t)(parts->n_places * parts->n_parts) + 1) * sizeof *parts->patterns);
    const int has_room = slots && parts->patterns;
    for (int64_t part = 0; has_room && part < parts->n_parts; part++) {
        const reading of = {leaves, missed, parts->parts[part]};
        number_part(&of, parts, part, slots, n_slots);
    }
    free(slots);
    return has_room ? WB_OK : WB_NO_MEMORY;
}

void wb_forget_parts(wb_parts *parts)
{
    free(parts->parts);
    free(parts->patterns);
}
