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

/* Where a condition is failed, and where it is met. */
enum { ABSENT, PRESENT };
static const wb_powers POWERS[] = {[ABSENT] = {0, 1}, [PRESENT] = {1, 0}};

static int open_work(wb_work *work, const wb_leaves *leaves, const wb_background *background, int64_t n_rows,
                     int64_t n_asked)
{
    const int64_t n_sums = leaves->n_players * leaves->n_margins, fitting = SUM_BYTES / 8 / (n_sums + 1);
    int64_t n_block = fitting < MOST_ROWS ? fitting : MOST_ROWS;
    n_block = n_block < n_rows ? n_block : n_rows;
    n_block = n_block < 1 ? WB_TILE : (n_block + WB_TILE - 1) / WB_TILE * WB_TILE;
    const size_t n = (size_t)n_block, k = (size_t)leaves->max_conditions;
    *work = (wb_work){.leaves = leaves,
                      .n_block = n_block,
                      .stride = n_block + 8,
                      .added = malloc(n * (k + 1) * sizeof(double)),
                      .is_added = malloc(n),
                      .words = malloc(n * sizeof(uint16_t)),
                      .patterns = malloc(n * sizeof(uint64_t)),
                      .rows = malloc(n * sizeof(uint32_t)),
                      .places = malloc(n * sizeof(uint32_t)),
                      .sums = malloc(((size_t)n_sums * (n + 8) + 1) * sizeof(double)),
                      .offsets = malloc((k + 1) * sizeof(int64_t))};
    const int is_paired = wb_open_pairing(&work->pairing, leaves, background, n_asked, POWERS, 2);
    const int is_tiled = wb_open_tiles(&work->tiles, leaves, n_block);
    const int is_indexed = wb_open_index(&work->met, n_block, leaves->max_conditions);
    return is_paired && is_tiled && is_indexed && work->added && work->is_added && work->words &&
           work->patterns && work->rows && work->places && work->sums && work->offsets;
}

static void close_work(wb_work *work)
{
    void *const arrays[] = {work->added, work->is_added, work->words, work->patterns,
                            work->rows,  work->places,   work->sums,  work->offsets};
    wb_close_pairing(&work->pairing);
    wb_close_tiles(&work->tiles);
    wb_close_index(&work->met);
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        free(arrays[i]);
}

/* The weights of pairs for leaves of k conditions. */
static void weigh_pairs(wb_pairing *pairing, int64_t k)
{
    double factorial[WB_PATTERN_BITS + 2] = {1.0};
    for (int64_t i = 1; i <= k + 1; i++)
        factorial[i] = (double)i * factorial[i - 1];
    for (int64_t v = 0; v <= k; v++)
        for (int64_t u = 0; u + v <= k; u++) {
            pairing->for_row[v * (k + 1) + u] = u ? factorial[u - 1] * factorial[v] / factorial[u + v] : 0.0;
            pairing->for_background[v * (k + 1) + u] =
                v ? factorial[u] * factorial[v - 1] / factorial[u + v] : 0.0;
        }
    pairing->weights_k = k;
}

static void read_table(const wb_pairing *pairing, uint64_t a, double *added)
{
    const double *absent = pairing->tables[ABSENT], *present = pairing->tables[PRESENT];
    for (int64_t j = 0; j < pairing->k; j++) {
        const uint64_t without = a & ~((uint64_t)1 << j);
        if (without == a)
            added[j] = -absent[a];
        else if (pairing->n_pairs[without] == pairing->n_pairs[a])
            added[j] = 0.0;
        else
            added[j] = present[a] - (present[without] + absent[without]);
    }
}

static int compare_pairs(const wb_pairing *pairing, uint64_t a, double *added)
{
    const int64_t k = pairing->k, v = k - __builtin_popcountll(a);
    const double *for_row = pairing->for_row + v * (k + 1),
                 *for_background = pairing->for_background + v * (k + 1);
    double lost = 0.0;
    int has_met = 0;
    memset(added, 0, (size_t)k * sizeof *added);
    for (int64_t c = 0; c < pairing->met.n_keys; c++) {
        const uint64_t pattern = pairing->met.keys[c];
        if ((a | pattern) != pairing->full)
            continue;
        const int64_t u = k - pairing->n_ones[c];
        const double gained = pairing->worth[c] * for_row[u];
        lost += pairing->worth[c] * for_background[u];
        has_met = 1;
        for (uint64_t rest = pairing->full & ~pattern; rest; rest &= rest - 1)
            added[__builtin_ctzll(rest)] += gained;
    }
    for (uint64_t rest = pairing->full & ~a; rest; rest &= rest - 1)
        added[__builtin_ctzll(rest)] = -lost;
    return has_met;
}

/* What each condition adds for a row of pattern a, k numbers; returns 0 where all are 0. */
static int pair_row(const wb_pairing *pairing, uint64_t a, double *added)
{
    if (!wb_can_pair(pairing, a))
        return 0;
    if (!pairing->is_table)
        return compare_pairs(pairing, a, added);
    read_table(pairing, a, added);
    return 1;
}

/* Work out every different pattern; list the rows a leaf adds something to. Returns their number. */
static int64_t list_rows(wb_work *work, const wb_leaf *leaf, double value)
{
    const int is_narrow = leaf->k <= WB_WORD_BITS;
    int64_t n_listed = 0;
    wb_clear_index(&work->met, leaf->k);
    if (is_narrow)
        wb_read_words(&work->tiles, work->leaves, work->leaves->conditions + leaf->first, leaf->k,
                      work->pairing.marks, work->words);
    else
        wb_read_patterns(&work->tiles, work->leaves, leaf, work->pairing.marks, work->words, work->patterns);
    for (int64_t row = 0; row < work->tiles.n_rows; row++) {
        const uint64_t pattern = is_narrow ? work->words[row] : work->patterns[row];
        const int64_t n_before = work->met.n_keys, place = wb_place_of(&work->met, pattern);
        if (place == n_before) {
            double *added = work->added + place * leaf->k;
            work->is_added[place] = (uint8_t)pair_row(&work->pairing, pattern, added);
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
static inline __attribute__((always_inline)) void add_rows(const wb_work *work, int64_t n_listed,
                                                           double *sums, const int64_t k)
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
    if (!work->pairing.is_table && work->pairing.weights_k != k)
        weigh_pairs(&work->pairing, k);
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
