/* Dividing leaves into parts, and numbering what background rows miss of them; see parts.h. */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

/* Sort leaves from left to right; places: room for one of each traced leaf. */
static void sort_leaves(const wb_played *leaves, int64_t *places, wb_played_leaf *sorted)
{
    for (int64_t place = 0; place < leaves->traced->n_leaves; place++)
        places[place] = -1;
    for (int64_t number = 0; number < leaves->n_leaves; number++)
        places[leaves->leaves[number].place] = number;
    for (int64_t place = 0; place < leaves->traced->n_leaves; place++)
        if (places[place] >= 0)
            *sorted++ = leaves->leaves[places[place]];
}

static void add_part(const wb_played_leaf *leaves, int64_t first, int64_t n_leaves, wb_parts *parts)
{
    wb_part part = {first, n_leaves, leaves[first].margin};
    for (int64_t at = 1; at < n_leaves; at++)
        if (leaves[first + at].margin != part.margin)
            part.margin = -1;
    parts->parts[parts->n_parts++] = part;
}

/* Divide the leaves of one tree into parts of much the same size. */
static void add_tree(const wb_played_leaf *leaves, int64_t first, int64_t n_leaves, wb_parts *parts)
{
    const int64_t n_parts = (n_leaves + WB_PART_LEAVES - 1) / WB_PART_LEAVES;
    for (int64_t part = 0; part < n_parts; part++) {
        const int64_t start = part * n_leaves / n_parts, stop = (part + 1) * n_leaves / n_parts;
        add_part(leaves, first + start, stop - start, parts);
    }
}

int32_t wb_list_parts(wb_played *leaves, wb_parts *parts)
{
    *parts = (wb_parts){0};
    const int64_t n = leaves->n_leaves;
    int64_t *places = malloc(((size_t)leaves->traced->n_leaves + 1) * sizeof *places);
    wb_played_leaf *sorted = malloc(((size_t)n + 1) * sizeof *sorted);
    parts->parts = malloc(((size_t)n + 1) * sizeof *parts->parts);
    if (!places || !sorted || !parts->parts) {
        free(places);
        free(sorted);
        return WB_NO_MEMORY;
    }
    sort_leaves(leaves, places, sorted);
    free(places);
    free(leaves->leaves);
    leaves->leaves = sorted;
    for (int64_t first = 0, stop = 0; first < n; first = stop) {
        while (stop < n && sorted[stop].tree == sorted[first].tree)
            stop++;
        add_tree(sorted, first, stop - first, parts);
    }
    return WB_OK;
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
