/* Interventional Shapley values: leaf by leaf, background rows counted by pattern, every different pattern of the
 * rows worked out once.
 *
 *      leaf ─▶ background patterns, counted ─▶ a table or pairs (pairings.h)
 *                                                    │
 *      rows ─▶ patterns ─▶ different ones ──────────▶ additions, k each ─▶ sums by player, row after row
 */
#include "../levels.h"
#include "pairings.h"

/* Bytes of sums held at once: rows of a block wait for all leaves. */
#define SUM_BYTES (16 << 20)
#define MOST_ROWS (64 * WB_TILE)

typedef struct {
    const wb_leaves *leaves;
    wb_pairing pairing;
    wb_tiles tiles;
    int64_t n_block, stride; /* rows in a block, and from one sum to the next */
    wb_index met;            /* different patterns of the rows */
    double *added;           /* n_block x max_conditions */
    uint8_t *is_added;       /* n_block */
    uint16_t *words;
    uint64_t *patterns;
    uint32_t *rows, *places; /* rows that a leaf adds to, and the place of their pattern */
    double *sums;            /* n_margins x n_players x stride */
    int64_t *offsets;        /* max_conditions: where a condition's player is in the sums */
} wb_work;

static int open_work(wb_work *work, const wb_leaves *leaves, const wb_background *background, int64_t n_rows, int64_t n_asked)
{
    const int64_t n_sums = leaves->n_players * leaves->n_margins, fitting = SUM_BYTES / 8 / (n_sums + 1);
    int64_t n_block = fitting < MOST_ROWS ? fitting : MOST_ROWS;
    n_block = n_block < n_rows ? n_block : n_rows;
    n_block = n_block < 1 ? WB_TILE : (n_block + WB_TILE - 1) / WB_TILE * WB_TILE;
    const size_t n = (size_t)n_block, k = (size_t)leaves->max_conditions;
    *work = (wb_work){.leaves = leaves, .n_block = n_block, .stride = n_block + 8,
                      .added = malloc(n * (k + 1) * sizeof(double)), .is_added = malloc(n),
                      .words = malloc(n * sizeof(uint16_t)), .patterns = malloc(n * sizeof(uint64_t)),
                      .rows = malloc(n * sizeof(uint32_t)), .places = malloc(n * sizeof(uint32_t)),
                      .sums = malloc(((size_t)n_sums * (n + 8) + 1) * sizeof(double)),
                      .offsets = malloc((k + 1) * sizeof(int64_t))};
    const int is_paired = wb_open_pairing(&work->pairing, leaves, background, n_asked);
    const int is_tiled = wb_open_tiles(&work->tiles, leaves, n_block);
    const int is_indexed = wb_open_index(&work->met, n_block, leaves->max_conditions);
    return is_paired && is_tiled && is_indexed && work->added && work->is_added && work->words && work->patterns &&
           work->rows && work->places && work->sums && work->offsets;
}

static void close_work(wb_work *work)
{
    void *const arrays[] = {work->added, work->is_added, work->words, work->patterns, work->rows, work->places,
                            work->sums, work->offsets};
    wb_close_pairing(&work->pairing);
    wb_close_tiles(&work->tiles);
    wb_close_index(&work->met);
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        free(arrays[i]);
}

/* Work out every different pattern; list the rows a leaf adds something to. Returns their number. */
static int64_t list_rows(wb_work *work, const wb_leaf *leaf, double value)
{
    const int is_narrow = leaf->k <= WB_WORD_BITS;
    int64_t n_listed = 0;
    wb_clear_index(&work->met, leaf->k);
    if (is_narrow)
        wb_read_words(&work->tiles, work->leaves, work->leaves->conditions + leaf->first, leaf->k, work->pairing.marks, work->words);
    else
        wb_read_patterns(&work->tiles, work->leaves, leaf, work->pairing.marks, work->words, work->patterns);
    for (int64_t row = 0; row < work->tiles.n_rows; row++) {
        const uint64_t pattern = is_narrow ? work->words[row] : work->patterns[row];
        const int64_t n_before = work->met.n_keys, place = wb_place_of(&work->met, pattern);
        if (place == n_before) {
            double *added = work->added + place * leaf->k;
            work->is_added[place] = (uint8_t)wb_pair_row(&work->pairing, pattern, added);
            for (int64_t j = 0; work->is_added[place] && j < leaf->k; j++)
                added[j] *= value;
        }
        work->rows[n_listed] = (uint32_t)row;
        work->places[n_listed] = (uint32_t)place;
        n_listed += work->is_added[place];
    }
    return n_listed;
}

/* Inlined with a constant k: straight code for the common leaves. */
static inline __attribute__((always_inline)) void add_rows(const wb_work *work, int64_t n_listed, double *sums, const int64_t k)
{
    for (int64_t i = 0; i < n_listed; i++) {
        const double *added = work->added + (int64_t)work->places[i] * k;
        double *of_row = sums + work->rows[i];
        for (int64_t j = 0; j < k; j++)
            of_row[work->offsets[j]] += added[j];
    }
}

static void add_scaled_rows(const wb_work *work, int64_t n_listed, double *sums, int64_t k, double value)
{
    for (int64_t i = 0; i < n_listed; i++) {
        const double *added = work->added + (int64_t)work->places[i] * k;
        double *of_row = sums + work->rows[i];
        for (int64_t j = 0; j < k; j++)
            of_row[work->offsets[j]] += value * added[j];
    }
}

static void add_leaf(wb_work *work, const wb_leaf *leaf)
{
    const wb_leaves *leaves = work->leaves;
    const double *values = leaves->values + leaf->values;
    const int64_t margin_size = leaves->n_players * work->stride, k = leaf->k;
    for (int64_t j = 0; j < k; j++)
        work->offsets[j] = leaves->conditions[leaf->first + j].player * work->stride;
    wb_pair_leaf(&work->pairing, leaf);
    const int64_t n_listed = list_rows(work, leaf, leaf->margin < 0 ? 1.0 : values[leaf->margin]);
    if (leaf->margin < 0) {
        for (int64_t margin = 0; margin < leaves->n_margins; margin++)
            add_scaled_rows(work, n_listed, work->sums + margin * margin_size, k, values[margin]);
        return;
    }
    double *sums = work->sums + leaf->margin * margin_size;
    switch (k) {
    case 1: add_rows(work, n_listed, sums, 1); return;
    case 2: add_rows(work, n_listed, sums, 2); return;
    case 3: add_rows(work, n_listed, sums, 3); return;
    case 4: add_rows(work, n_listed, sums, 4); return;
    case 5: add_rows(work, n_listed, sums, 5); return;
    case 6: add_rows(work, n_listed, sums, 6); return;
    default: add_rows(work, n_listed, sums, k); return;
    }
}

int32_t WB_AT(wb_interventional)(const wb_leaves *leaves, const wb_background *background, const double *rows,
                                 int64_t n_rows, int64_t n_asked, double *values)
{
    if (n_rows < 0 || leaves->max_conditions > WB_PATTERN_BITS)
        return WB_BAD_COUNT;
    if (background->tiles.n_columns != leaves->n_columns)
        return WB_BAD_COLUMN;
    wb_work work;
    const int32_t status = open_work(&work, leaves, background, n_rows, n_asked) ? WB_OK : WB_NO_MEMORY;
    const int64_t n_sums = leaves->n_players * leaves->n_margins;
    for (int64_t start = 0; status == WB_OK && start < n_rows; start += work.n_block) {
        const int64_t some = n_rows - start < work.n_block ? n_rows - start : work.n_block;
        wb_read_tiles(&work.tiles, leaves, rows + start * leaves->n_sources, some);
        memset(work.sums, 0, (size_t)(n_sums * work.stride) * sizeof *work.sums);
        for (int64_t leaf = 0; leaf < leaves->n_leaves; leaf++)
            add_leaf(&work, leaves->leaves + leaf);
        wb_turn_round(work.sums, leaves, work.stride, some, values + start * n_sums);
    }
    close_work(&work);
    return status;
}
