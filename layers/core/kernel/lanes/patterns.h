/* Patterns: which conditions of a leaf a row meets, one bit each; and a number for every different one.
 *
 *      conditions   0  1  2          row meets 0 and 2:  pattern 0b101
 *
 * Up to 16 conditions are one uint16 word and index a table, more are a uint64 and are hashed.
 */
#ifndef WHYBOX_PATTERNS_H
#define WHYBOX_PATTERNS_H

#include "tiles.h"

#define WB_WORD_BITS 16
#define WB_PATTERN_BITS 62

/* Bits of up to 16 conditions for some rows of a tile. n_rows: a multiple of 8; marks: room for a tile. */
static inline void wb_read_word(const wb_tiles *tiles, int64_t tile, const wb_leaves *leaves,
                                const wb_condition *conditions, int64_t k, int64_t n_rows, int16_t *marks,
                                uint16_t *word)
{
    const uint16_t full = (uint16_t)((1u << k) - 1);
    for (int64_t row = 0; row < n_rows; row++)
        word[row] = full;
    for (int64_t j = 0; j < k; j++) {
        const uint16_t others = (uint16_t)~(1u << j);
        const wb_test *test = leaves->tests + conditions[j].first;
        const int64_t place = tile * tiles->n_columns + test->column;
        if (conditions[j].n_tests == 1 && tiles->cells && !(test->missing && tiles->has_missing[place])) {
            const uint16_t *cells = tiles->cells + place * WB_TILE;
            const uint16_t start = (uint16_t)test->start, span = (uint16_t)test->span;
            for (int64_t row = 0; row < n_rows; row++)
                word[row] &= (uint16_t)(cells[row] - start) > span ? others : UINT16_MAX;
            continue;
        }
        wb_fail_condition(tiles, tile, leaves, conditions + j, n_rows, marks);
        for (int64_t row = 0; row < n_rows; row++)
            word[row] &= marks[row] ? others : UINT16_MAX;
    }
}

/* Patterns of all rows of some tiles; `words` has room for whole tiles. */
static inline void wb_read_words(const wb_tiles *tiles, const wb_leaves *leaves,
                                 const wb_condition *conditions, int64_t k, int16_t *marks, uint16_t *words)
{
    for (int64_t start = 0; start < tiles->n_rows; start += WB_TILE) {
        const int64_t some = tiles->n_rows - start < WB_TILE ? tiles->n_rows - start : WB_TILE;
        wb_read_word(tiles, start / WB_TILE, leaves, conditions, k, (some + 7) / 8 * 8, marks, words + start);
    }
}

static inline void wb_read_patterns(const wb_tiles *tiles, const wb_leaves *leaves, const wb_leaf *leaf,
                                    int16_t *marks, uint16_t *words, uint64_t *patterns)
{
    const wb_condition *conditions = leaves->conditions + leaf->first;
    for (int64_t row = 0; row < tiles->n_rows; row++)
        patterns[row] = 0;
    for (int64_t first = 0; first < leaf->k; first += WB_WORD_BITS) {
        const int64_t some = leaf->k - first < WB_WORD_BITS ? leaf->k - first : WB_WORD_BITS;
        wb_read_words(tiles, leaves, conditions + first, some, marks, words);
        for (int64_t row = 0; row < tiles->n_rows; row++)
            patterns[row] |= (uint64_t)words[row] << first;
    }
}

/* The different patterns met so far, in the order they came. */
typedef struct {
    uint64_t *keys;  /* room for most_keys */
    uint64_t *slots; /* where in the table each of them is */
    uint32_t *table; /* 1 + place in keys, 0 where nothing is */
    uint64_t size_mask;
    int64_t n_keys;
    int is_direct; /* the pattern itself is the place in the table */
} wb_index;

static inline int wb_open_index(wb_index *index, int64_t most_keys, int64_t max_conditions)
{
    size_t size = (size_t)1 << (max_conditions < WB_WORD_BITS ? max_conditions : WB_WORD_BITS);
    if (max_conditions > WB_WORD_BITS)
        while (size < 2 * (size_t)most_keys)
            size *= 2;
    *index = (wb_index){.keys = malloc(((size_t)most_keys + 1) * sizeof *index->keys),
                        .slots = malloc(((size_t)most_keys + 1) * sizeof *index->slots),
                        .table = calloc(size, sizeof *index->table),
                        .size_mask = size - 1};
    return index->keys && index->slots && index->table;
}

static inline void wb_close_index(wb_index *index)
{
    free(index->keys);
    free(index->slots);
    free(index->table);
}

static inline uint64_t wb_slot_of(const wb_index *index, uint64_t key)
{
    if (index->is_direct)
        return key;
    uint64_t slot = (key * 0x9e3779b97f4a7c15u >> 20) & index->size_mask; /* Fibonacci hashing */
    while (index->table[slot] && index->keys[index->table[slot] - 1] != key)
        slot = (slot + 1) & index->size_mask;
    return slot;
}

/* Forget all patterns; from now on they have k bits. */
static inline void wb_clear_index(wb_index *index, int64_t k)
{
    for (int64_t key = 0; key < index->n_keys; key++)
        index->table[index->slots[key]] = 0;
    index->n_keys = 0;
    index->is_direct = k <= WB_WORD_BITS;
}

/* Return the place of a pattern among the different ones; a new one gets the next. */
static inline int64_t wb_place_of(wb_index *index, uint64_t key)
{
    const uint64_t slot = wb_slot_of(index, key);
    uint32_t *entry = index->table + slot;
    if (!*entry) {
        index->slots[index->n_keys] = slot;
        index->keys[index->n_keys++] = key;
        *entry = (uint32_t)index->n_keys;
    }
    return (int64_t)*entry - 1;
}

#endif
